"""A fixed share of the faults; `python -m tests.faults` runs others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_share_of_the_faults() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--seed", "2", "--count", "8"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
