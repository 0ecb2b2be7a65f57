"""Split files of the CoOp family: `{"train": [[path, label, class], …], "val": …, "test": …}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrgen.core.errors import UserError, one_or_many
from attrgen.core.json_lines import LocatedJson, parse
from attrgen.schema.card import Card
from attrgen.schema.image_names import is_split_file
from vr.data.formats.file_source import FileSource, label_of, whole_splits
from vr.data.formats.file_tree import FileTree, Location, is_inside
from vr.data.formats.source import SPLITS, Item

_SHOWN_ERRORS = 5


def find(tree: FileTree, card: Card | None) -> str | None:
    """Name of the tree's split file, or None. The card's own wins where there are several.

    Raises:
        UserError: there are several and the card does not say which.
    """
    found = [name for name in tree.names if "/" not in name and is_split_file(name)]
    wanted = card.images.split if card is not None and card.images is not None else None
    if wanted in found or len(found) < 2:
        return wanted if wanted in found else next(iter(found), None)
    raise UserError(
        f"there are several split files: {', '.join(found)}",
        file=tree.root,
        remedy="Keep one, or name it in the card: images.split.",
    )


def looks(place: Location, card: Card) -> bool:
    """Whether there is a split file at the top."""
    return place.has_tree and find(place.tree, card) is not None


def open_coop(place: Location, card: Card) -> FileSource:
    """Open a split file and the images it lists. Labels are matched by class name, not by number.

    The images may lie below any folder of the tree, as long as it is one for all of them.

    Raises:
        UserError: not JSON, a row that is none, an unknown class, a path that leads outside, images missing.
    """
    tree = place.tree
    name = find(tree, card)
    if name is None:
        raise UserError("there is no split_NAME.json", file=tree.root, remedy="Check the path or --format.")
    file = tree.place(name)
    rows = list(_rows(tree.read(name), file))
    if not rows:
        raise UserError("the split file lists no image", file=file, remedy="Restore it.")
    base = _base(tree, rows[0][1], file)
    missing = sorted({base + path for _, path, _, _ in rows} - set(tree.names))
    if missing:
        raise UserError(
            f"{len(missing)} of the {len(rows)} images listed are not there, for instance {missing[0]}",
            file=file,
            remedy="Unpack the collection whole, beside its split file.",
        )
    labels = {spelling: _label(card, spelling, file) for spelling in {row[3] for row in rows}}
    items = [
        (split, Item(base + path, label))
        for split, path, _, spelling in rows
        if (label := labels[spelling]) is not None
    ]
    splits, notes = whole_splits(items, card, tree.root)
    return FileSource(tree, splits, notes, card.images.window if card.images else None)


def class_spellings(place: Location) -> list[str]:
    """Class names of a split file in the order of its labels.

    Raises:
        UserError: there is no split file, or it is damaged.
    """
    name = find(place.tree, None)
    if name is None:
        raise UserError("there is no split_NAME.json", file=place.path, remedy="Check the path.")
    rows = _rows(place.tree.read(name), place.tree.place(name))
    return [spelling for _, spelling in sorted({(label, spelling) for _, _, label, spelling in rows})]


def _label(card: Card, spelling: str, place: str) -> int | None:
    try:
        return label_of(card, spelling)
    except UserError as error:
        raise UserError(error.what, file=place, remedy=error.remedy) from error


def _rows(content: bytes, place: str) -> Iterator[tuple[str, str, int, str]]:
    try:
        located = parse(content.decode("utf-8-sig"))
    except ValueError as error:
        raise UserError(f"not JSON: {error}", file=place, remedy="Restore the split file.") from error
    value = located.value
    if not isinstance(value, dict) or not set(value) <= set(SPLITS) or "train" not in value:
        raise UserError(
            "a split file is one object with the keys train, val and test", file=place, remedy="Restore it."
        )
    errors = [
        UserError(problem, file=place, line=located.line((split, index)), remedy="Correct the row.")
        for split, index, problem in _problems(located)
    ]
    if errors:
        raise one_or_many(errors[:_SHOWN_ERRORS])
    for split, rows in value.items():
        for path, label, spelling in rows:
            yield split, path.replace("\\", "/").removeprefix("./"), label, spelling


def _problems(located: LocatedJson) -> Iterator[tuple[str, int, str]]:
    for split, rows in located.value.items():
        if not isinstance(rows, list):
            yield split, 0, f"'{split}' is no list"
            continue
        for index, row in enumerate(rows):
            if not _is_row(row):
                yield split, index, "a row is [path, label, class]"
            elif not is_inside(row[0]):
                yield split, index, f"the path '{row[0]}' leads outside of the collection"


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 3
        and isinstance(row[0], str)
        and isinstance(row[1], int)
        and isinstance(row[2], str)
    )


def _base(tree: FileTree, first: str, place: str) -> str:
    """The folder (with a slash, or empty) below which the split file's paths lie."""
    ends = [name for name in tree.names if name == first or name.endswith(f"/{first}")]
    if not ends:
        raise UserError(
            f"the images are not beside it: '{first}' is in no folder here",
            file=place,
            remedy="Put the image folder beside the split file.",
        )
    return min(ends, key=len).removesuffix(first)
