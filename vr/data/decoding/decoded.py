"""What decoding gives: the image, and the rules by which the file's values became its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import Image


class Rule(NamedTuple):
    """One rule that was applied to an image.

    Args:
        name: which one, such as "window"; it never changes, so that programs can read it.
        detail: with which values, for a person: "centre 40, width 400".
    """

    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


Rules = tuple[Rule, ...]


class Decoded(NamedTuple):
    """An image as 8-bit RGB, upright, and the rules that were applied, in their order."""

    image: Image.Image
    rules: Rules
