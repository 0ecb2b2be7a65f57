"""A collection of images with its card, as `vr.open_dataset` opens it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core import html
from attrgen.core.arguments import checked
from attrgen.schema.card import Card
from vr.data import sources
from vr.data.formats.source import ImageSource

if TYPE_CHECKING:
    from PIL import Image


@checked
def open_dataset(
    dataset: str | Path,
    data: str | Path | None = None,
    *,
    classes: Sequence[str] = (),
    data_format: str | None = None,
) -> Dataset:
    """Open a collection of labelled images, as `vr data check` and `vr train` do.

    Example:
        dataset = vr.open_dataset("my-images/")
        dataset.counts["test"]
        for image, name in dataset.images("val"):
            image.size

    Args:
        dataset: a shipped card's name, a card's path, or the path of a collection, which needs no card.
        data: where the images are; by default under the data root (`VR_DATA`, else `datasets/`).
        classes: only these; all if empty.
        data_format: a format's name where detection would be misled.

    Raises:
        UserError: an unknown dataset, class or format; no images; classes that do not match the card.
    """
    card, source = sources.open_dataset(
        str(dataset), None if data is None else Path(data), classes=classes, format=data_format
    )
    return Dataset(card, source)


@dataclass(frozen=True, repr=False)
class Dataset:
    """A collection of labelled images.

    Attributes:
        card: name, classes in label order, licence, and what an image shows.
        source: the images; see `vr.data.formats.source.ImageSource`.
    """

    card: Card
    source: ImageSource

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in label order."""
        return self.card.class_names

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Number of images by split and class."""
        counted = {name: Counter(item.label for item in items) for name, items in self.source.splits.items()}
        return {
            split: {name: labels[place] for place, name in enumerate(self.classes)}
            for split, labels in counted.items()
        }

    def images(self, split: str = "train") -> Iterator[tuple[Image.Image, str]]:
        """Images (8-bit RGB) of a split with their class names; none where there is no such split.

        Raises:
            UserError: an image cannot be read.
        """
        for item in self.source.splits.get(split, ()):
            yield self.source.read(item.path), self.classes[item.label]

    def __repr__(self) -> str:
        splits = ", ".join(f"{len(items)} {split}" for split, items in self.source.splits.items())
        return f"Dataset({self.card.name}: {len(self.classes)} classes; {splits})"

    def _repr_html_(self) -> str:
        counts = self.counts
        rows = [(name, *(counts[split][name] for split in counts)) for name in self.classes]
        return html.table(("class", *counts), rows, caption=f"{self.card.title}, {self.card.modality}")
