"""What an image format is: one object, whoever defines it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attrgen.schema.card import Card
from vr.data.formats.location import Location
from vr.data.formats.source import ImageSource


@dataclass(frozen=True)
class ImageFormat:
    """A format in which labelled images are stored.

    Another package adds one by an entry point of the group `vr.image_formats` under the format's name.

    Attributes:
        name: what `--format` and a card's `images.layout` say.
        description: what a collection of this format is, a noun phrase.
        detect: whether the collection at a location has this format. It looks at names and first bytes only.
        open: the images at a location, labelled by a card's classes. Raises UserError.
        class_names: the classes at a location as they are spelled there, in label order, for a collection
            without a card. Raises UserError.
        suffixes: of files that are a collection of this format by themselves: ".npz".
        rank: where several formats match, the lowest one is taken. The built-in formats have 10 to 50.
    """

    name: str
    description: str
    detect: Callable[[Location], bool]
    open: Callable[[Location, Card], ImageSource]
    class_names: Callable[[Location], list[str]]
    suffixes: tuple[str, ...] = ()
    rank: int = 0
