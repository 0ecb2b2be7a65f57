"""Benchmarks of natural images: torchvision downloads and verifies them, and a manifest is written."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.files import write_text

Sample = tuple[Path, str]


def _from_file_list(dataset: Any) -> Iterable[Sample]:
    """Food101, DTD and Flowers102 list their files so."""
    return _named(dataset, dataset._image_files, dataset._labels)


def _from_pets(dataset: Any) -> Iterable[Sample]:
    return _named(dataset, dataset._images, dataset._labels)


def _from_class_folders(dataset: Any) -> Iterable[Sample]:
    return [(Path(path), dataset.classes[label]) for path, label in dataset.samples]


def _from_caltech(dataset: Any) -> Iterable[Sample]:
    folder = Path(dataset.root) / "101_ObjectCategories"
    names = [dataset.categories[label] for label in dataset.y]
    return [
        (folder / name / f"image_{index:04d}.jpg", name)
        for name, index in zip(names, dataset.index, strict=True)
    ]


def _named(dataset: Any, paths: Iterable[Any], labels: Iterable[int]) -> Iterable[Sample]:
    return [(Path(path), dataset.classes[label]) for path, label in zip(paths, labels, strict=True)]


# Name in torchvision → its splits and ours (empty: it has no split), and how its files are listed.
DATASETS: dict[str, tuple[dict[str, str], Callable[[Any], Iterable[Sample]]]] = {
    "Caltech101": ({}, _from_caltech),
    "DTD": ({"train": "train", "val": "val", "test": "test"}, _from_file_list),
    "EuroSAT": ({}, _from_class_folders),
    "Flowers102": ({"train": "train", "val": "val", "test": "test"}, _from_file_list),
    "Food101": ({"train": "train", "test": "test"}, _from_file_list),
    "OxfordIIITPet": ({"trainval": "train", "test": "test"}, _from_pets),
}


def download(name: str, target: Path) -> None:
    """Let torchvision download a dataset, and write `manifest.csv` (path, label, split) above its images.

    Args:
        target: a folder that does not exist yet; it appears once it is complete.

    Raises:
        UserError: an unknown name, or torchvision cannot get it.
    """
    if name not in DATASETS:
        raise UserError(
            f"torchvision's dataset '{name}' is not supported",
            code="download-unknown-torchvision-dataset",
            remedy=f"Supported: {', '.join(DATASETS)}.",
        )
    from torchvision import datasets

    splits, samples = DATASETS[name]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
        root = Path(temporary) / target.name
        rows: list[tuple[str, str, str]] = []
        try:
            for their_split, split in splits.items() or [("", "")]:
                options = {"split": their_split} if their_split else {}
                dataset = getattr(datasets, name)(root=str(root), download=True, **options)
                rows += [(_relative(path, root), label, split) for path, label in samples(dataset)]
        except (OSError, RuntimeError, ImportError) as error:
            raise UserError(
                f"torchvision could not download {name} ({error})",
                code="download-torchvision-failed",
                remedy="Check the network, or unpack the dataset by hand and name its folder with --data.",
            ) from error
        write_text(root / "manifest.csv", _csv(rows, with_split=bool(splits)))
        root.rename(target)


def _relative(path: Path, root: Path) -> str:
    return path.resolve().relative_to(root.resolve()).as_posix()


def _csv(rows: list[tuple[str, str, str]], *, with_split: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "label", "split") if with_split else ("path", "label"))
    writer.writerows(row if with_split else row[:2] for row in rows)
    return text.getvalue()
