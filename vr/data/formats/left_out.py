"""What a collection has beside the images that are used: counted and named, one sentence per reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

_SHOWN_NAMES = 3
_SHOWN_SUFFIXES = 8


def not_images(names: Sequence[str]) -> list[str]:
    """A sentence on files that are not images, by suffix; none if there are none."""
    by_suffix: dict[str, list[str]] = {}
    for name in names:
        by_suffix.setdefault(_suffix(name), []).append(name)
    if not by_suffix:
        return []
    ordered = sorted(by_suffix.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    kinds = [f"{suffix} {len(members)} ({listed(members)})" for suffix, members in ordered]
    shown = "; ".join(kinds[:_SHOWN_SUFFIXES]) + ("; …" if len(kinds) > _SHOWN_SUFFIXES else "")
    return [f"{counted(names, 'file')} left out, in no image format that can be read: {shown}."]


def masks(names: Sequence[str]) -> list[str]:
    """A sentence on segmentation masks."""
    if not names:
        return []
    return [f"{counted(names, 'segmentation mask')} left out: {listed(names)}."]


def unlisted(names: Sequence[str], table: str) -> list[str]:
    """A sentence on images that a table or a split file does not list."""
    if not names:
        return []
    return [f"{counted(names, 'image')} left out, because '{table}' does not list them: {listed(names)}."]


def of_other_classes(names: Sequence[str]) -> list[str]:
    """A sentence on images of classes that the user left out."""
    return [f"{counted(names, 'image')} left out, of classes that are not chosen."] if names else []


def counted(things: Sequence[object], noun: str) -> str:
    """`1 mask is`, `2 masks are`."""
    return f"1 {noun} is" if len(things) == 1 else f"{len(things)} {noun}s are"


def listed(names: Sequence[str]) -> str:
    """The first names, and an ellipsis for the others."""
    return ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")


def _suffix(name: str) -> str:
    """The suffix as people name it: `.nii.gz`, or `no suffix`."""
    suffixes = [part.lower() for part in PurePosixPath(name).suffixes]
    if len(suffixes) > 1 and suffixes[-1] in (".gz", ".bz2", ".xz", ".zst"):
        return "".join(suffixes[-2:])
    return suffixes[-1] if suffixes else "no suffix"
