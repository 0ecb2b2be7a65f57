"""`vr data check`: counts against the card, unreadable images, the same image in two splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.formats.groups import SharedGroup, shared_groups, unmatched_groups
from vr.data.formats.source import SPLITS, ImageSource, Item
from vr.data.inspection.structure import offers, suspicions
from vr.data.sampling.content import content_ids, equal_images

_SHOWN = 10


@dataclass(frozen=True)
class Report:
    """The findings about a collection.

    Attributes:
        counts: number of images by split and class name.
        unreadable: the error of each image that cannot be read.
        leaks: groups of images with the same pixels in several splits, as (split, item).
        shared_groups: the groups (patients) that are in several splits, with their sizes.
        mixed: images with the same pixels in several classes, as (split, item).
        suspicions: what may not be a class although it is taken for one; groups of the card that match none.
        remarks: what was left out or guessed.
        content: content id of each readable image by path.
    """

    card: Card
    counts: dict[str, dict[str, int]]
    unreadable: list[UserError]
    leaks: list[list[tuple[str, Item]]]
    shared_groups: list[SharedGroup]
    mixed: list[list[tuple[str, Item]]]
    suspicions: list[str]
    remarks: list[str]
    content: Mapping[str, str]

    def problems(self) -> list[str]:
        """The problems, one line each; none if there are no problems."""
        lines: list[str] = []
        if self.card.counts is not None:
            for split, published in self.card.counts.model_dump().items():
                actual = sum(self.counts.get(split, {}).values())
                if actual != published:
                    lines.append(f"{split}: {actual} images, and the card says {published}")
        lines += _shortened([f"unreadable: {error}" for error in self.unreadable], "more unreadable images")
        lines += _shortened(list(map(self._leak, self.leaks)), "more images that are in several splits")
        mixed = [
            f"the same image in several classes: {self._images(group)}"
            for group in self.mixed
            if group not in self.leaks
        ]
        lines += _shortened(mixed, "more images that are in several classes")
        shared = [f"the same group in several splits: {group}" for group in self.shared_groups]
        lines += _shortened(shared, "more groups that are in several splits")
        # Last, because they may be the cause of all others, and the end of a long list is what one reads.
        return lines + self.suspicions

    def _leak(self, group: list[tuple[str, Item]]) -> str:
        if group in self.mixed:
            return f"the same image in several splits and classes: {self._images(group, splits=True)}"
        images = ", ".join(f"{split} {item.path}" for split, item in group)
        return f"the same image in several splits: {images}"

    def _images(self, group: list[tuple[str, Item]], *, splits: bool = False) -> str:
        """Equal images with their classes, and their splits where these differ, too."""
        names = self.card.class_names
        return ", ".join(
            f"{f'{split} ' if splits else ''}{item.path} ({names[item.label]})" for split, item in group
        )


def check(source: ImageSource, card: Card, progress: Callable[[], None] = lambda: None) -> Report:
    """Decode every image once and compare. `progress` is called after each image."""
    names = card.class_names
    counts = {
        split: {
            name: sum(item.label == label for item in source.splits[split])
            for label, name in enumerate(names)
        }
        for split in SPLITS
        if split in source.splits
    }
    unreadable: list[UserError] = []
    items = [item for split in source.splits.values() for item in split]
    ids = content_ids(source, items, on_error=lambda _, error: unreadable.append(error), progress=progress)
    same = equal_images(source.splits, ids)
    return Report(
        card,
        counts,
        unreadable,
        leaks=[group for group in same if len({split for split, _ in group}) > 1],
        shared_groups=shared_groups(source.splits),
        mixed=[group for group in same if len({item.label for _, item in group}) > 1],
        suspicions=[*filter(None, [unmatched_groups(source.splits, card)]), *suspicions(source, card)],
        remarks=[*source.remarks, *offers(source, card)],
        content=ids,
    )


def _shortened(lines: list[str], rest: str) -> list[str]:
    hidden = len(lines) - _SHOWN
    return lines if hidden <= 0 else [*lines[:_SHOWN], f"… and {hidden} {rest}"]
