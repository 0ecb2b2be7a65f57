"""A working folder with the demo dataset (few images), a run, and small collections of a user's own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from docs_pages import run_page

CLASSES = {"kidney_cyst": "cyst", "kidney_tumor": "tumor"}
PETS = {"kidney_stone": "cat", "normal_kidney": "dog"}


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which all pages are executed, after `docs/getting-started.md`."""
    folder = tmp_path_factory.mktemp("workplace")
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, patch)
        run_page("docs/getting-started.md")
        images = folder / "datasets" / "KidneyPhantom" / "KidneyPhantom"
        for name, classes in (("my-images", CLASSES), ("pets", PETS)):
            for source, target in classes.items():
                copy(sorted((images / source).glob("train_*.png"))[:12], folder / name / target)
        for kind in PETS.values():
            flat = folder / "flat-pets"
            flat.mkdir(exist_ok=True)
            for path in (folder / "pets" / kind).iterdir():
                shutil.copy(path, flat / f"{kind}-{path.name}")
    return folder


def work_in(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make `folder` the working folder of a new user, whose demo dataset has few images."""
    patch.chdir(folder)
    for name in ("VR_DATA", "VR_CACHE", "ATTRGEN_CACHE", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        patch.delenv(name, raising=False)
    patch.setattr("vr.phantom.dataset.PER_CLASS", {"train": 20, "val": 12, "test": 10})


def copy(files: Sequence[Path], folder: Path) -> None:
    """Copy files into a new folder."""
    folder.mkdir(parents=True)
    for path in files:
        shutil.copy(path, folder)


@pytest.fixture
def here(workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workplace, as the working folder."""
    folder = Path(shutil.copytree(workplace, tmp_path / "here"))
    work_in(folder, monkeypatch)
    return folder
