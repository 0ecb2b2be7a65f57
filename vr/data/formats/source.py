"""What every image collection is, whatever it comes in: labelled images by split, read one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL import Image

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Item:
    """One labelled image.

    `path` is its stable id: POSIX, relative to the collection's root (`train/000123` in an array file).
    `label` is the index into the card's classes. `group` is what images belong to that must not be in two
    splits, such as a patient or a lesion; None where it is not known.
    """

    path: str
    label: int
    group: str | None = None


class ImageSource(Protocol):
    """A labelled image collection. It is immutable, and `read` may be called from several threads."""

    @property
    def root(self) -> Path:
        """The folder or file that was opened."""

    @property
    def splits(self) -> Mapping[str, Sequence[Item]]:
        """Images by split; the keys are among train, val and test."""

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know about how the collection was read, a sentence each."""

    @property
    def remarks(self) -> Sequence[str]:
        """What was left out or guessed when the collection was read, one sentence each."""

    def stamp(self, item_path: str) -> str:
        """What changes when the image does, told without reading it (size and time, or a checksum)."""

    def read(self, item_path: str) -> Image.Image:
        """The image as 8-bit RGB, upright, fully loaded.

        Raises:
            UserError: it is missing, not an image, cut short or too large; the message names the file.
        """
