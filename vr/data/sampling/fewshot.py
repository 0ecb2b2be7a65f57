"""The few-shot sample: drawn from the images' content, the shots and the seed, and from nothing else."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from attrgen.core.validation import Strict, read_json
from attrgen.schema.card import Card
from vr.data.formats.groups import group_key
from vr.data.formats.source import ImageSource, Item
from vr.data.sampling.content import content_ids

FORMAT = "fewshot/1"
VAL_SHOTS = 4  # CoOp validates on min(shots, 4) images per class
_ID_LENGTH = 16

_Text = Annotated[str, StringConstraints(min_length=1)]


@dataclass(frozen=True)
class FewShot:
    """A few-shot sample: `shots` training images per class and up to four for validation, by class and rank.

    `classes` are the card's class names, `ids` maps each image's path to the start of its content id.
    """

    train: tuple[Item, ...]
    val: tuple[Item, ...]
    shots: int
    seed: int
    dataset: str
    classes: tuple[str, ...]
    ids: Mapping[str, str]


class _File(Strict):
    """`fewshot.json`: for each split and class, the path and the content id of each image."""

    format: Literal["fewshot/1"]
    dataset: str
    shots: int
    seed: int
    train: dict[str, list[tuple[_Text, _Text]]]
    val: dict[str, list[tuple[_Text, _Text]]]

    def splits(self) -> dict[str, dict[str, list[tuple[str, str]]]]:
        return {"train": self.train, "val": self.val}


def draw(source: ImageSource, card: Card, shots: int, seed: int) -> FewShot:
    """Draw the sample of `shots` images per class.

    Images of a class are ordered by SHA-256(seed, split, content id), where the content id is a hash of the
    decoded pixels; the first `shots` are the sample. So it does not depend on paths, file order, archive or
    machine, and the k-shot sample is a prefix, class by class, of the 2k-shot sample. Validation is
    min(shots, 4) images per class of the val split; where there is none, the last ones of the same order over
    train.

    Where groups of images are known (`Item.group`), training images come from as many groups as possible, and
    without a val split no group is in both parts of the sample: the last groups of the order are kept for
    validation, unless the shots need them. Images without groups are drawn as if each were a group.

    Raises:
        UserError: no training images, a class has fewer than `shots`, or an image cannot be read.
    """
    check_enough(source, card, shots)
    pools = {split: source.splits.get(split, ()) for split in ("train", "val")}
    ids = content_ids(source, [*pools["train"], *pools["val"]])
    classes = len(card.classes)
    orders = _ordered(pools["train"], classes, ids, f"{seed}|train|")
    val_orders = _ordered(pools["val"], classes, ids, f"{seed}|val|")
    reserved = set() if pools["val"] else _reserved_groups(orders)
    train = [item for order in orders.values() for item in _one_per_group_first(order, reserved)[:shots]]
    if not pools["val"]:
        used = {group_key(item) for item in train}
        val_orders = {
            label: [item for item in reversed(order) if group_key(item) not in used]
            for label, order in orders.items()
        }
    val = [item for order in val_orders.values() for item in order[: min(shots, VAL_SHOTS)]]
    drawn_ids = {item.path: ids[item.path][:_ID_LENGTH] for item in (*train, *val)}
    return FewShot(tuple(train), tuple(val), shots, seed, card.name, card.class_names, drawn_ids)


def save(fewshot: FewShot, path: Path) -> None:
    """Write the sample as JSON, one image per line, for a person and for `load`."""
    write_text(path, dumps(fewshot))


def dumps(fewshot: FewShot) -> str:
    """The text of `fewshot.json`."""
    head = {
        "format": FORMAT,
        "dataset": fewshot.dataset,
        "shots": fewshot.shots,
        "seed": fewshot.seed,
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    blocks = [_block(split, fewshot) for split in ("train", "val")]
    return "{\n" + "\n".join(lines) + "\n" + ",\n".join(blocks) + "\n}\n"


def load(path: Path, source: ImageSource, card: Card) -> FewShot:
    """Read a sample for a source.

    Raises:
        UserError: not such a file, another dataset's classes, an image that the source lacks, that has
            changed, that is listed twice or that belongs to its test split.
    """
    file = _read(path)
    known = {item.path: (split, item) for split, items in source.splits.items() for item in items}
    items: dict[str, list[Item]] = {"train": [], "val": []}
    ids: dict[str, str] = {}
    for split, spelling, image, content_id in _rows(file):
        label = card.class_names.index(card.class_of(spelling).name)
        items[split].append(_known_item(image, label, known, path, card))
        if image in ids:
            raise UserError(
                f"'{image}' is listed twice",
                code="fewshot-image-listed-twice",
                file=path,
                remedy="List each image once.",
            )
        ids[image] = content_id
    _check_classes(file, items["train"], path, card)
    _check_unchanged(ids, content_ids(source, [*items["train"], *items["val"]]), path)
    train, val = (tuple(sorted(members, key=lambda item: item.label)) for members in items.values())
    return FewShot(train, val, file.shots, file.seed, file.dataset, card.class_names, ids)


def sampled_ids(path: Path) -> dict[str, set[str]]:
    """Content ids of a sample by split (train, val), to recognise its images in any collection.

    They are the first 16 digits of `vr.data.sampling.content.content_id`.

    Raises:
        UserError: not such a file.
    """
    return {
        split: {content_id for rows in classes.values() for _, content_id in rows}
        for split, classes in _read(path).splits().items()
    }


def among(ids: set[str], content_id: str) -> bool:
    """Whether an image of that content id is one of `ids`, as `sampled_ids` gives them."""
    return content_id[:_ID_LENGTH] in ids


def listed_paths(path: Path) -> dict[str, dict[str, list[str]]]:
    """The images' paths by split (train, val) and class name as the file lists them; no image is read.

    Raises:
        UserError: not such a file.
    """
    return {
        split: {name: [image for image, _ in rows] for name, rows in classes.items()}
        for split, classes in _read(path).splits().items()
    }


def _ordered(pool: Iterable[Item], classes: int, ids: Mapping[str, str], salt: str) -> dict[int, list[Item]]:
    """The images of each class in the order in which they are drawn."""

    def rank(item: Item) -> tuple[str, str]:
        return hashlib.sha256(f"{salt}{ids[item.path]}".encode()).hexdigest(), item.path

    return {label: sorted(items, key=rank) for label, items in enumerate(_by_class(pool, classes))}


def _by_class(items: Iterable[Item], classes: int) -> list[list[Item]]:
    groups: list[list[Item]] = [[] for _ in range(classes)]
    for item in items:
        groups[item.label].append(item)
    return groups


def _reserved_groups(orders: Mapping[int, Sequence[Item]]) -> set[tuple[bool, str]]:
    """Groups that are kept for validation: of each class the last ones, up to `VAL_SHOTS` images.

    At least one group of each class is left for training. The result does not depend on the shots, so that
    a smaller sample stays the beginning of a larger one.
    """
    reserved: set[tuple[bool, str]] = set()
    for order in orders.values():
        images = Counter(map(group_key, order))
        last_first = dict.fromkeys(group_key(item) for item in reversed(order))
        remaining = [group for group in last_first if group not in reserved]
        covered = sum(count for group, count in images.items() if group in reserved)
        for group in remaining[:-1]:
            if covered >= VAL_SHOTS:
                break
            reserved.add(group)
            covered += images[group]
    return reserved


def _one_per_group_first(order: Sequence[Item], reserved: set[tuple[bool, str]]) -> list[Item]:
    """Images of groups that are not reserved, then the others; of each group one before a second one."""
    seen: Counter[tuple[bool, str]] = Counter()
    ranked: list[tuple[bool, int, int]] = []
    for index, item in enumerate(order):
        group = group_key(item)
        ranked.append((group in reserved, seen[group], index))
        seen[group] += 1
    return [order[index] for _, _, index in sorted(ranked)]


def check_enough(source: ImageSource, card: Card, shots: int) -> None:
    """Check that each class has so many training images; none is read.

    Raises:
        UserError: there are fewer, or no training split.
    """
    if shots < 1:
        raise UserError(f"{shots} shots", code="fewshot-no-shots", remedy="Ask for at least one.")
    if not source.splits.get("train"):
        raise UserError(
            "there is no training split",
            code="fewshot-no-train-split",
            file=source.root,
            remedy="Add train images.",
        )
    counts = Counter(item.label for item in source.splits["train"])
    for label, name in enumerate(card.class_names):
        images = counts[label]
        if images < shots:
            raise UserError(
                f"{shots} shots are asked for, and the train split has {images} images",
                code="fewshot-too-few-images",
                file=source.root,
                class_name=name,
                remedy=f"Use --shots {images} or fewer." if images else "Add train images of this class.",
            )


def _block(split: str, fewshot: FewShot) -> str:
    items = fewshot.train if split == "train" else fewshot.val

    def row(item: Item) -> str:
        return "      " + json.dumps([item.path, fewshot.ids[item.path]], ensure_ascii=False)

    classes = []
    by_class = _by_class(items, len(fewshot.classes))
    for name, members in zip(fewshot.classes, by_class, strict=True):
        rows = ",\n".join(map(row, members))
        listed = f"[\n{rows}\n    ]" if rows else "[]"
        classes.append(f"    {json.dumps(name, ensure_ascii=False)}: {listed}")
    return f'  "{split}": {{\n' + ",\n".join(classes) + "\n  }"


def _read(path: Path) -> _File:
    return read_json(_File, path, what="few-shot sample", code="fewshot", remedy="Restore or remove it.")


def _rows(file: _File) -> Iterator[tuple[str, str, str, str]]:
    """Split, class as it is spelled, path and content id of each image."""
    for split, classes in file.splits().items():
        for spelling, rows in classes.items():
            for image, content_id in rows:
                yield split, spelling, image, content_id


def _check_classes(file: _File, train: Sequence[Item], path: Path, card: Card) -> None:
    for classes in file.splits().values():
        for spelling in classes:
            card.class_of(spelling)  # a class without images may be misspelled, too
    for label, name in enumerate(card.class_names):
        if not any(item.label == label for item in train):
            raise UserError(
                "no training image",
                code="fewshot-class-without-images",
                file=path,
                class_name=name,
                remedy="Add some.",
            )


def _check_unchanged(listed: Mapping[str, str], actual: Mapping[str, str], path: Path) -> None:
    for image, content_id in listed.items():
        if not actual[image].startswith(content_id):
            raise UserError(
                f"'{image}' has changed since the sample was drawn",
                code="fewshot-image-changed",
                file=path,
                remedy="Restore the image, or draw a new sample: train without --fewshot.",
            )


def _known_item(
    image: str, label: int, known: Mapping[str, tuple[str, Item]], path: Path, card: Card
) -> Item:
    if image not in known:
        raise UserError(
            f"the collection has no image '{image}'",
            code="fewshot-unknown-image",
            file=path,
            remedy="Check --data.",
        )
    split, item = known[image]
    if split == "test":
        raise UserError(
            f"'{image}' belongs to the test split",
            code="fewshot-test-image",
            file=path,
            remedy="Remove it: it would leak into the test.",
        )
    if item.label != label:
        raise UserError(
            f"'{image}' is of class '{card.class_names[item.label]}' in the collection",
            code="fewshot-wrong-class",
            file=path,
            class_name=card.class_names[label],
            remedy="Move it to its class.",
        )
    return item
