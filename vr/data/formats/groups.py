"""Groups of images that must stay in one split: a patient, a lesion, an examination."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from attrgen.core.decoding import decoding
from attrgen.schema.card import Card, CardImages
from vr.data.decoding.patient import patient_id
from vr.data.formats.file_tree import FileTree
from vr.data.formats.source import SPLITS, Item

_HASH_LENGTH = 16
_SHOWN = 5
_SECONDS = 2.0  # to match a card's pattern with one path


@dataclass(frozen=True)
class SharedGroup:
    """A group that is in several splits, with its number of images in each."""

    name: str
    counts: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.name} (" + ", ".join(f"{split} {n}" for split, n in self.counts.items()) + ")"


def group_key(item: Item) -> tuple[bool, str]:
    """What two items share exactly if they are of one group; an item without a group is alone."""
    return (False, item.path) if item.group is None else (True, item.group)


def has_groups(items: Iterable[Item]) -> bool:
    """Whether the group of any item is known."""
    return any(item.group is not None for item in items)


def shared_groups(splits: Mapping[str, Sequence[Item]]) -> list[SharedGroup]:
    """The groups that are in several splits, the largest first."""
    counts: dict[str, Counter[str]] = {}
    for split in (name for name in SPLITS if name in splits):
        for item in splits[split]:
            if item.group is not None:
                counts.setdefault(item.group, Counter())[split] += 1
    shared = [SharedGroup(name, dict(count)) for name, count in counts.items() if len(count) > 1]
    return sorted(shared, key=lambda group: (-sum(group.counts.values()), group.name))


def unknown_groups_note(splits: Mapping[str, Sequence[Item]], card: Card) -> str | None:
    """One sentence on what cannot be known where no image has a group; None if some has, or none is real."""
    if card.synthetic or has_groups(item for items in splits.values() for item in items):
        return None
    return (
        "Which images show the same patient is not known, so one patient may be in several splits. The card "
        "can name the group of an image: images.group, group_column or group_dicom."
    )


def shared_groups_note(splits: Mapping[str, Sequence[Item]]) -> str | None:
    """One sentence on the groups that are in several splits; None if there are none."""
    shared = shared_groups(splits)
    if not shared:
        return None
    named = ", ".join(map(str, shared[:_SHOWN])) + (", …" if len(shared) > _SHOWN else "")
    images = sum(sum(group.counts.values()) for group in shared)
    if len(shared) == 1:
        return f"1 group with {images} images is in several splits: {named}."
    return f"{len(shared)} groups with {images} images are in several splits: {named}."


def with_groups(
    tree: FileTree, rows: Sequence[tuple[str, Item]], card: Card
) -> tuple[list[tuple[str, Item]], tuple[str, ...]]:
    """The rows (split, item) with the groups that the card names by path or by DICOM header, and notes.

    Rows that have a group already, from a table, keep it where the card names none.
    """
    images = card.images
    if images is not None and (images.group is not None or images.group_dicom):
        found = _from_headers(tree, rows) if images.group_dicom else _from_paths(rows, images)
        rows = [(split, replace(item, group=found[item.path])) for split, item in rows]
    items = [item for _, item in rows]
    if not has_groups(items):
        named = images is not None and (images.group or images.group_column or images.group_dicom)
        note = "No image has a group: what the card says about groups matches none."
        return list(rows), (note,) if named else ()
    alone = sum(item.group is None for item in items)
    groups = len({item.group for item in items if item.group is not None})
    note = f"{len(items) - alone} images are of {groups} groups"
    note += f"; {alone} images have no group, and each counts by itself." if alone else "."
    return list(rows), (note,)


def _from_paths(rows: Sequence[tuple[str, Item]], images: CardImages) -> dict[str, str | None]:
    import regex  # as `re`, and it can stop a pattern that tries every way to match

    with decoding(
        images.group or "",
        what="the card's pattern images.group takes too long, or cannot be used",
        code="card-slow-pattern",
        remedy="Write it without a repetition in a repetition.",
    ):
        pattern = regex.compile(images.group or "")
        return {item.path: _matched(pattern.search(item.path, timeout=_SECONDS)) for _, item in rows}


def _matched(match: Any) -> str | None:
    """The bracketed parts of a match, or all of it where the pattern has none."""
    if match is None:
        return None
    return "/".join(part for part in match.groups() if part) or match[0] or None


def _from_headers(tree: FileTree, rows: Sequence[tuple[str, Item]]) -> dict[str, str | None]:
    """The hash of each file's PatientID, salted with the collection's file names; the id is not kept."""
    salt = hashlib.sha256("\n".join(tree.names).encode(errors="surrogateescape")).digest()
    groups: dict[str, str | None] = {}
    for _, item in rows:
        identifier = patient_id(tree.read(item.path))
        groups[item.path] = None if identifier is None else _hashed(identifier, salt)
    return groups


def _hashed(identifier: str, salt: bytes) -> str:
    return hmac.new(salt, identifier.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()[
        :_HASH_LENGTH
    ]
