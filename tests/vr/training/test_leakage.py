"""Training sees nothing of the test set."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vr.data.formats.source import ImageSource
from vr.runs import run as runs
from vr.runs.history import read_history
from vr.training.train import run_experiment


def _train(asked: Any, **options: Any) -> Path:
    return run_experiment(asked, **options).path


def _numbers(path: Path) -> list[dict[str, float]]:
    return [
        {key: value for key, value in row.items() if key != "images_per_second"} for row in read_history(path)
    ]


@pytest.fixture
def shuffled(toy: Any, tmp_path: Path) -> Path:
    """The toy images with the test images' classes permuted: a leak would show."""
    data = tmp_path / "shuffled" / "Toy"
    shutil.copytree(toy.data, data)
    folders = sorted((data / "test").iterdir())
    parked = [folder.rename(folder.with_name(f"{folder.name}.parked")) for folder in folders]
    for folder, target in zip(parked, [*folders[1:], folders[0]], strict=True):
        folder.rename(target)
    return data


@pytest.mark.parametrize("select", ["last", "val"])
def test_test_labels_change_nothing_of_training(
    toy: Any, tmp_path: Path, shuffled: Path, select: str
) -> None:
    plain = _train(toy.experiment(out=tmp_path / "plain", select=select))
    leaky = _train(toy.experiment(out=tmp_path / "leaky", select=select, data=shuffled))
    for name in (runs.MODEL, runs.FEWSHOT):
        assert (plain / name).read_bytes() == (leaky / name).read_bytes(), name
    assert _numbers(plain) == _numbers(leaky)
    assert (plain / runs.PREDICTIONS).read_bytes() != (leaky / runs.PREDICTIONS).read_bytes()


def test_test_images_are_not_read_before_training_ended(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vr.data.formats.file_source import FileSource

    read: list[str] = []
    original: Callable[..., Any] = FileSource.read

    def spy(self: ImageSource, item_path: str) -> Any:
        read.append(item_path)
        return original(self, item_path)

    monkeypatch.setattr(FileSource, "read", spy)
    at_epochs: list[list[str]] = []
    _train(
        toy.experiment(out=tmp_path / "run", select="val"),
        on_epoch=lambda row, epochs: at_epochs.append(list(read)),
    )
    assert not any("test" in path for path in at_epochs[-1])
    assert any("test" in path for path in read)
