"""The few-shot sample: drawn from the images' content, the shots and the seed, and from nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.files import read_text, write_text
from attrgen.schema.card import Card
from vr.data.formats.source import ImageSource, Item
from vr.data.sampling.content import content_ids

FORMAT = "fewshot/1"
VAL_SHOTS = 4  # CoOp validates on min(shots, 4) images a class
_ID_LENGTH = 16


@dataclass(frozen=True)
class FewShot:
    """A few-shot sample: `shots` training images a class and up to four for validation, by class and rank.

    `classes` are the card's class names, `ids` maps each image's path to the start of its content id.
    """

    train: tuple[Item, ...]
    val: tuple[Item, ...]
    shots: int
    seed: int
    dataset: str
    classes: tuple[str, ...]
    ids: Mapping[str, str]


def draw(source: ImageSource, card: Card, shots: int, seed: int) -> FewShot:
    """Draw the sample of `shots` images a class.

    Images of a class are ordered by SHA-256(seed, split, content id), where the content id is a hash of the
    decoded pixels; the first `shots` are the sample. So it does not depend on paths, file order, archive or
    machine, and the k-shot sample is a prefix, class by class, of the 2k-shot sample. Validation is
    min(shots, 4) images a class of the val split; where there is none, the last ones of the same order over
    train.

    Raises:
        UserError: no training images, a class has fewer than `shots`, or an image cannot be read.
    """
    if shots < 1:
        raise UserError(f"{shots} shots", remedy="Ask for at least one.")
    pools = {split: source.splits.get(split, ()) for split in ("train", "val")}
    if not pools["train"]:
        raise UserError("there is no training split", file=source.root, remedy="Add train images.")
    _check_enough(source, card, shots)
    ids = content_ids(source, [*pools["train"], *pools["val"]])
    train: list[Item] = []
    val: list[Item] = []
    wanted = min(shots, VAL_SHOTS)
    for label in range(len(card.classes)):
        order = _ordered(pools["train"], label, ids, f"{seed}|train|")
        train += order[:shots]
        if pools["val"]:
            val += _ordered(pools["val"], label, ids, f"{seed}|val|")[:wanted]
        else:
            val += order[shots:][::-1][:wanted]
    kept = {item.path: ids[item.path][:_ID_LENGTH] for item in (*train, *val)}
    return FewShot(tuple(train), tuple(val), shots, seed, card.name, card.class_names, kept)


def save(fewshot: FewShot, path: Path) -> None:
    """Write the sample as JSON, an image a line, to be read by a person and by `load`."""
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
    values = _parse(path)
    known = {item.path: (split, item) for split, items in source.splits.items() for item in items}
    taken: dict[str, list[Item]] = {"train": [], "val": []}
    ids: dict[str, str] = {}
    for split, own in taken.items():
        for spelling, rows in values[split].items():
            label = card.class_names.index(card.class_of(spelling).name)
            for image, content_id in rows:
                own.append(_known_item(image, label, known, path, card))
                if image in ids:
                    raise UserError(f"'{image}' is there twice", file=path, remedy="List each image once.")
                ids[image] = content_id
    for label, name in enumerate(card.class_names):
        if not any(item.label == label for item in taken["train"]):
            raise UserError("no training image", file=path, class_name=name, remedy="Add some.")
    found = content_ids(source, [*taken["train"], *taken["val"]])
    for image, content_id in ids.items():
        if not found[image].startswith(content_id):
            raise UserError(
                f"'{image}' is not the image that it was when the sample was drawn",
                file=path,
                remedy="Restore the image, or draw a new sample (leave --fewshot away).",
            )
    train, val = (tuple(sorted(own, key=lambda item: item.label)) for own in taken.values())
    return FewShot(train, val, values["shots"], values["seed"], values["dataset"], card.class_names, ids)


def sampled_ids(path: Path) -> dict[str, set[str]]:
    """Content ids of a sample by split (train, val), to know its images again in any collection.

    They are the first 16 digits of `vr.data.sampling.content.content_id`.

    Raises:
        UserError: not such a file.
    """
    values = _parse(path)
    return {
        split: {content_id for rows in values[split].values() for _, content_id in rows}
        for split in ("train", "val")
    }


def among(ids: set[str], content_id: str) -> bool:
    """Whether an image of that content id is one of `ids`, as `sampled_ids` gives them."""
    return content_id[:_ID_LENGTH] in ids


def listed_paths(path: Path) -> dict[str, dict[str, list[str]]]:
    """The images' paths by split (train, val) and class name as the file lists them, without looking at any.

    Raises:
        UserError: not such a file.
    """
    values = _parse(path)
    return {
        split: {name: [image for image, _ in rows] for name, rows in values[split].items()}
        for split in ("train", "val")
    }


def _ordered(pool: Sequence[Item], label: int, ids: Mapping[str, str], salt: str) -> list[Item]:
    def rank(item: Item) -> tuple[str, str]:
        return hashlib.sha256(f"{salt}{ids[item.path]}".encode()).hexdigest(), item.path

    return sorted((item for item in pool if item.label == label), key=rank)


def _check_enough(source: ImageSource, card: Card, shots: int) -> None:
    for label, name in enumerate(card.class_names):
        there = sum(item.label == label for item in source.splits["train"])
        if there < shots:
            raise UserError(
                f"{shots} shots are asked for, and the train split has {there} images",
                file=source.root,
                class_name=name,
                remedy=f"Use --shots {there} or fewer." if there else "Add train images of this class.",
            )


def _block(split: str, fewshot: FewShot) -> str:
    items = fewshot.train if split == "train" else fewshot.val

    def row(item: Item) -> str:
        return "      " + json.dumps([item.path, fewshot.ids[item.path]], ensure_ascii=False)

    classes = []
    for label, name in enumerate(fewshot.classes):
        rows = ",\n".join(row(item) for item in items if item.label == label)
        listed = f"[\n{rows}\n    ]" if rows else "[]"
        classes.append(f"    {json.dumps(name, ensure_ascii=False)}: {listed}")
    return f'  "{split}": {{\n' + ",\n".join(classes) + "\n  }"


def _parse(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(read_text(path, what="few-shot sample"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", file=path, remedy="Mend or remove it.") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UserError(f"not a few-shot sample ('format' is not '{FORMAT}')", file=path)
    for key, kind in {"dataset": str, "shots": int, "seed": int, "train": dict, "val": dict}.items():
        if not isinstance(values.get(key), kind):
            raise UserError(f"'{key}' is missing or of the wrong kind", file=path, remedy="Restore the file.")
    for split in ("train", "val"):
        for name, rows in values[split].items():
            if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
                raise UserError(
                    f"{split} is not a list of [path, content id]",
                    file=path,
                    class_name=name,
                    remedy="Correct it.",
                )
    return values


def _is_row(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 2 and all(isinstance(part, str) and part for part in row)


def _known_item(
    image: str, label: int, known: Mapping[str, tuple[str, Item]], path: Path, card: Card
) -> Item:
    if image not in known:
        raise UserError(f"the collection has no image '{image}'", file=path, remedy="Check --data.")
    split, item = known[image]
    if split == "test":
        raise UserError(
            f"'{image}' belongs to the test split",
            file=path,
            remedy="Take it out: it would leak into testing.",
        )
    if item.label != label:
        raise UserError(
            f"'{image}' is of class '{card.class_names[item.label]}' in the collection",
            file=path,
            class_name=card.class_names[label],
            remedy="Move it to its class.",
        )
    return item
