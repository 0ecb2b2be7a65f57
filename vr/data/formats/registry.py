"""The image formats: those of this folder, and those of other packages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.plugins import Extensions
from vr.data.formats import coop, dicom, folder, manifest, npz
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.location import Location

# In the order in which they are tried: the more explicit ones first.
BUILT_IN: dict[str, ImageFormat] = {
    known.name: known for known in (npz.FORMAT, coop.FORMAT, manifest.FORMAT, dicom.FORMAT, folder.FORMAT)
}


def _problem(name: str, value: Any) -> str | None:
    if name in BUILT_IN:
        return "a format of this name is built in"
    if not isinstance(value, ImageFormat):
        return f"it is not a {ImageFormat.__module__}.{ImageFormat.__name__}"
    return None if value.name == name else f"its name is '{value.name}'"


EXTENSIONS: Extensions[ImageFormat] = Extensions(
    "vr.image_formats", "image format", "format-plugin-broken", _problem
)


def format_names() -> list[str]:
    """The names of all formats; no other package is imported."""
    return [*BUILT_IN, *(name for name in EXTENSIONS.names() if name not in BUILT_IN)]


def find_format(name: str) -> ImageFormat:
    """The format of that name.

    Raises:
        UserError: there is none, or the package that offers it cannot be used.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name in EXTENSIONS.names():
        return EXTENSIONS.load(name)
    raise UserError(
        f"unknown format '{name}'", code="format-unknown", remedy=f"Known: {', '.join(format_names())}."
    )


def detect(location: Location, preferred: str | None = None) -> ImageFormat | None:
    """The format of the collection at a location, or None.

    Formats of other packages are tried first, because they are made for special collections.

    Args:
        preferred: the name of a format that is tried before all others.

    Raises:
        UserError: a package that offers a format cannot be used, or `preferred` is unknown.
    """
    first = [find_format(preferred)] if preferred is not None else []
    return next((known for known in (*first, *_all_formats()) if known.detect(location)), None)


def collection_suffixes() -> tuple[str, ...]:
    """Suffixes of single files that are collections: a zip of any format, and those of each format."""
    return (".zip", *(suffix for known in _all_formats() for suffix in known.suffixes))


def accepted() -> str:
    """A sentence on what a collection can be."""
    return f"Give a folder or a file that ends with {', '.join(collection_suffixes())}."


def _all_formats() -> Iterator[ImageFormat]:
    for name in EXTENSIONS.names():
        yield EXTENSIONS.load(name)
    yield from BUILT_IN.values()
