"""Groups of images that must stay in one split: a patient, a lesion, an examination."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from attrgen.core.decoding import decoding
from attrgen.core.wording import counted
from attrgen.schema.card import Card, CardImages
from vr.data.decoding.patient import patient_id
from vr.data.formats.file_tree import FileTree
from vr.data.formats.source import SPLITS, Item

_HASH_LENGTH = 16
_SHOWN = 5
_PATIENT_IN_PATH = re.compile(r"(?:^|[/_ -])((?:patient|subject|subj|participant)[ ._-]?)(\d+)", re.I)
_MANY = 0.5  # share of the paths that must name a patient
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
    """One sentence on what cannot be known where no image has a group.

    None if some has, none is real, or something better is known: see `unmatched_groups`, `patients_in_paths`.
    """
    items = [item for members in splits.values() for item in members]
    if card.synthetic or has_groups(items) or names_groups(card) or patients_in_paths(items):
        return None
    return (
        "Which images show the same patient is not known, so one patient may be in several splits. The card "
        "can name the group of an image: images.group, group_column or group_dicom."
    )


def names_groups(card: Card) -> bool:
    """Whether a card says how the group of an image is found."""
    images = card.images
    return images is not None and bool(images.group or images.group_column or images.group_dicom)


def unmatched_groups(splits: Mapping[str, Sequence[Item]], card: Card) -> str | None:
    """One sentence where the card says how groups are found, and no image has one; else None."""
    items = [item for members in splits.values() for item in members]
    if not names_groups(card) or has_groups(items) or card.images is None or not items:
        return None
    if card.images.group is not None:
        how = f"images.group, {card.images.group!r}, matches no path, such as '{items[0].path}'"
    elif card.images.group_column is not None:
        how = f"images.group_column, '{card.images.group_column}', is empty"
    else:
        how = "images.group_dicom: no file has a PatientID"
    return f"The card names groups, and no image has one: {how}. One patient may be in several splits."


def patients_in_paths(items: Sequence[Item]) -> str | None:
    """One sentence where paths name patients and no image has a group; else None."""
    if has_groups(items):
        return None
    matches = [match for item in items if (match := _PATIENT_IN_PATH.search(item.path)) is not None]
    images = Counter(match[2] for match in matches)
    if len(matches) <= _MANY * len(items) or len(images) < 2 or max(images.values()) < 2:
        return None
    word = matches[0][1]
    return (
        f"The paths name patients ({word}{matches[0][2]}, …), and one patient may be in several splits. "
        f'To keep them together, add to [images] of the card: group = "{word}(\\\\d+)"'
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
    tree: FileTree, rows: Sequence[tuple[str, Item]], card: Card, groups_by: str | None = None
) -> tuple[list[tuple[str, Item]], tuple[str, ...]]:
    """The rows (split, item) with the groups that the card names by path or by DICOM header, and notes.

    Rows that have a group already, from `groups_by`, keep it where the card names none.
    """
    images = card.images
    if images is not None and (images.group is not None or images.group_dicom):
        known = _from_headers(tree, rows) if images.group_dicom else _from_paths(rows, images)
        rows = [(split, replace(item, group=known[item.path])) for split, item in rows]
        groups_by = "the PatientID of the files" if images.group_dicom else "images.group of the card"
    items = [item for _, item in rows]
    if not has_groups(items):
        return list(rows), ()
    alone = sum(item.group is None for item in items)
    groups = len({item.group for item in items if item.group is not None})
    note = f"{len(items) - alone} images are of {counted(groups, 'group')}"
    note += f", by {groups_by}" if groups_by else ""
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
