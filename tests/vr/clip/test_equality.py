"""Every family's numbers are open_clip's own, from the hub, from a folder and from the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType


def test_all_differences_are_zero(
    repositories: Path, tmp_path: Path, benchmark_script: Callable[[str], ModuleType]
) -> None:
    script = benchmark_script("backbone_equality")
    rows = script.stand_ins(repositories, tmp_path)
    assert len(rows) == 6
    for label, values in rows.items():
        assert values == dict.fromkeys((*script.DIRECT, *script.OFFLINE), 0.0), label
