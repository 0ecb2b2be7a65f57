"""Every family's numbers are open_clip's own, from the hub, from a folder and from the cache."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def benchmark() -> Any:
    """The script that prints the table."""
    spec = importlib.util.spec_from_file_location(
        "backbone_equality", ROOT / "tests" / "benchmarks" / "backbone_equality.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_differences_are_zero(repositories: Path, tmp_path: Path) -> None:
    script = benchmark()
    rows = script.stand_ins(repositories, tmp_path)
    assert len(rows) == 6
    for label, values in rows.items():
        assert values == dict.fromkeys((*script.DIRECT, *script.OFFLINE), 0.0), label
