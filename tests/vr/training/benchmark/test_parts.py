"""Parts of a benchmark whose commands fail or are stopped keep what was measured, and say why they end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def parts(benchmark_script: Callable[[str], ModuleType]) -> Any:
    """The module `parts` of the benchmarks."""
    return benchmark_script("parts")


def measured(parts: Any, folder: Path, code: str, seconds: float = 60) -> dict[str, Any]:
    """What a part prints whose only command runs this code after two values."""
    words = [sys.executable, "-c", f'print(\'noise\\n["ms", 2.5]\\n["MB", 3]\', flush=True)\n{code}']
    return dict(parts.until_it_ends("step", parts.values_of(words, folder, seconds)))


def test_all_values(parts: Any, tmp_path: Path) -> None:
    assert measured(parts, tmp_path, "") == {"ms": 2.5, "MB": 3}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("raise SystemExit('error: no images [data-empty]')", "error: no images [data-empty]"),
        (
            "print('failed: a (3 cells): no memory\\n0 cells done.'); exit(1)",
            "failed: a (3 cells): no memory",
        ),
        ("print('failed   a: no memory\\n0 done, 1 failed.'); exit(1)", "failed   a: no memory"),
        ("import sys; print('error: x\\n done.', file=sys.stderr); exit(1)", "error: x"),
        ("print('stopped'); exit(3)", "stopped"),
    ],
)
def test_a_command_that_fails(code: str, reason: str, parts: Any, tmp_path: Path) -> None:
    assert measured(parts, tmp_path, code) == {"ms": 2.5, "MB": 3, "step: failed": reason}


def test_a_command_that_fails_silently(parts: Any, tmp_path: Path) -> None:
    values = parts.values_of([sys.executable, "-c", "exit(3)"], tmp_path, 60)
    assert list(parts.until_it_ends("run", values)) == [("run: failed", "exit status 3")]


def test_a_command_that_is_stopped(parts: Any, tmp_path: Path) -> None:
    code = "import time; print('[\"half', flush=True); time.sleep(60)"
    expected = {"ms": 2.5, "MB": 3, "step: stopped after s": 2}
    assert measured(parts, tmp_path, code, seconds=2) == expected
