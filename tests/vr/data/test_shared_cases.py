"""The inputs that came out wrong once, where they lie beside the project, by the real commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parents[3].parent / "shared" / "cases"

# Exit status of `vr data check`, and words of its output.
EXPECTED: dict[str, tuple[int, tuple[str, ...]]] = {
    "masks/busi_raw": (0, ("24 segmentation masks are left out", "train: 18 ")),
    "masks/covid_raw": (0, ("16 segmentation masks are left out", "train: 12 ")),
    "labels/minus.csv": (0, ("(-1 3, 0 3, 1 3)", "no problems found")),
    "labels/her2.csv": (0, ("(HER2 3, HER2+ 3, HER2- 3)", "no problems found")),
    "labels/float.csv": (0, ("(class 0 3, class 1 3)", "4 rows are left out")),
    "labels/multi.csv": (2, ("manifest-several-labels",)),
    "folders/ham": (1, ("parts of one collection", "vr data card")),
    "folders/chexpert": (1, ("look like patients", "paths name patients")),
    "folders/kvasir_seg": (2, ("card-few-classes", "6 images look like segmentation masks")),
    "folders/breakhis": (1, ("magnifications", "same sub-folders (benign, malignant)")),
    "suffixes": (1, (".heic 2", ".nii.gz 2", ".svs 2", "train: 12 ")),
    "win.zip": (1, ("train: 8 (cat 4, dog 4)",)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_check_says_what_is_there(name: str, tmp_path: Path) -> None:
    if not CASES.is_dir():
        pytest.skip("the cases (../shared/cases) are not here")
    command = [sys.executable, "-m", "vr", "data", "check", str(CASES / name)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    status, words = EXPECTED[name]
    assert done.returncode == status, done.stdout + done.stderr
    output = done.stdout + done.stderr
    assert [part for part in words if part not in output] == []
