"""Segmentation masks among images: known by their names, and by the image that each belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_WORDS = (
    r"(?:masks?|segmentations?|seg|segs|annotations?|annots?|ground[ _-]?truths?|gt|gts|labels?|contours?)"
)
_ENDING = re.compile(rf"^(.+?)[ _.-]+{_WORDS}(?:[ _.-]?\(?\d+\)?)?$", re.IGNORECASE)
_FOLDER = re.compile(rf"^(?:(.+?)[ _.-]+)?{_WORDS}$", re.IGNORECASE)

_Key = tuple[tuple[str, ...], str]


def masks_among(images: Iterable[str]) -> frozenset[str]:
    """The images that are masks of others, by their relative POSIX names.

    A mask is named like its image with an ending (`im1_mask.png` beside `im1.png`), or is in a folder of
    masks (`masks/im1.png` for `im1.png` or `images/im1.png`). Without its image, no file counts as a mask.
    """
    names = list(images)
    known = {_key(name) for name in names}
    siblings: dict[tuple[tuple[str, ...], tuple[str, ...], str], set[str]] = {}
    for name in names:
        folders, stem = _key(name)
        for index, folder in enumerate(folders):
            siblings.setdefault((folders[:index], folders[index + 1 :], stem), set()).add(folder)
    return frozenset(
        name for name in names if _has_masked_image(name, known) or _is_in_mask_folder(name, known, siblings)
    )


def _has_masked_image(name: str, known: set[_Key]) -> bool:
    """Whether the image that a name with the ending of a mask belongs to is in the same folder."""
    folders, stem = _key(name)
    ending = _ENDING.match(stem)
    return ending is not None and (folders, ending[1]) in known


def _is_in_mask_folder(
    name: str, known: set[_Key], siblings: dict[tuple[tuple[str, ...], tuple[str, ...], str], set[str]]
) -> bool:
    folders, stem = _key(name)
    ending = _ENDING.match(stem)
    stems = (stem,) if ending is None else (stem, ending[1])
    for index, folder in enumerate(folders):
        match = _FOLDER.match(folder)
        if match is None:
            continue
        above, below = folders[:index], folders[index + 1 :]
        for image in stems:
            others = siblings.get((above, below, image), set())
            beside = match[1] is None and any(not _FOLDER.match(other) for other in others)
            if beside or match[1] in others or (match[1] is None and ((*above, *below), image) in known):
                return True
    return False


def _key(name: str) -> _Key:
    """The folders of a name, and the file's name without its suffix."""
    path = PurePosixPath(name)
    return path.parts[:-1], path.stem
