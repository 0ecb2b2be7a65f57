"""Natural benchmarks by way of torchvision: it downloads and verifies, and a manifest is written."""

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


def _of_files(dataset: Any) -> Iterable[Sample]:
    """Food101, DTD and Flowers102 list their files so."""
    return [(Path(p), dataset.classes[n]) for p, n in zip(dataset._image_files, dataset._labels, strict=True)]


def _of_pets(dataset: Any) -> Iterable[Sample]:
    return [(Path(p), dataset.classes[n]) for p, n in zip(dataset._images, dataset._labels, strict=True)]


def _of_folders(dataset: Any) -> Iterable[Sample]:
    return [(Path(p), dataset.classes[n]) for p, n in dataset.samples]


def _of_caltech(dataset: Any) -> Iterable[Sample]:
    folder = Path(dataset.root) / "101_ObjectCategories"
    names = [dataset.categories[n] for n in dataset.y]
    return [
        (folder / name / f"image_{i:04d}.jpg", name) for name, i in zip(names, dataset.index, strict=True)
    ]


# Name in torchvision → its splits (none: it has no split) and how its files are listed.
KNOWN: dict[str, tuple[dict[str, str], Callable[[Any], Iterable[Sample]]]] = {
    "Caltech101": ({}, _of_caltech),
    "DTD": ({"train": "train", "val": "val", "test": "test"}, _of_files),
    "EuroSAT": ({}, _of_folders),
    "Flowers102": ({"train": "train", "val": "val", "test": "test"}, _of_files),
    "Food101": ({"train": "train", "test": "test"}, _of_files),
    "OxfordIIITPet": ({"trainval": "train", "test": "test"}, _of_pets),
}


def fetch(name: str, target: Path) -> None:
    """Let torchvision download a data set, and write `manifest.csv` (path, label, split) above its images.

    Args:
        target: a folder that is not there yet; it appears when everything is there.

    Raises:
        UserError: an unknown name, or torchvision cannot get it.
    """
    if name not in KNOWN:
        raise UserError(f"torchvision's '{name}' is not known here", remedy=f"Known: {', '.join(KNOWN)}.")
    from torchvision import datasets

    splits, samples = KNOWN[name]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
        root = Path(temporary) / target.name
        rows: list[tuple[str, str, str]] = []
        try:
            for theirs, ours in splits.items() or [("", "")]:
                more = {"split": theirs} if theirs else {}
                dataset = getattr(datasets, name)(root=str(root), download=True, **more)
                rows += [(_relative(path, root), label, ours) for path, label in samples(dataset)]
        except (OSError, RuntimeError, ImportError) as error:
            raise UserError(
                f"torchvision could not get {name} ({error})",
                remedy="Check the network, or unpack the data set by hand and name its folder with --data.",
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
