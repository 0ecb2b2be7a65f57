"""Split files of the CoOp family: `{"train": [[path, label, class], …], "val": …, "test": …}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrgen.core.errors import UserError, one_or_many
from attrgen.core.json_lines import LocatedJson, parse
from attrgen.schema.card import Card
from attrgen.schema.folder_card import image_files
from attrgen.schema.image_names import is_split_file
from vr.data.formats import left_out
from vr.data.formats.file_source import FileSource, open_files
from vr.data.formats.file_tree import FileTree, is_inside
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.labels import label_of, located
from vr.data.formats.location import Location
from vr.data.formats.source import SPLITS, Item

_SHOWN_ERRORS = 5
_MOST_VALUES = 20_000_000  # three and a list per image


def detect(location: Location) -> bool:
    """Whether there is a split file at the top."""
    return any(map(is_split_file, location.top_names))


def open_coop(location: Location, card: Card) -> FileSource:
    """Open a split file and the images it lists. Labels are matched by class name, not by number.

    The images may lie below any folder of the tree, as long as it is the same for all of them.

    Raises:
        UserError: not JSON, a malformed row, an unknown class, a path that leads outside, images missing.
    """
    tree = location.tree
    name = _split_file(location, card)
    file = tree.path_of(name)
    rows = list(_rows(tree.read(name), file))
    if not rows:
        raise UserError(
            "the split file lists no image", code="coop-no-images", file=file, remedy="Restore it."
        )
    base = _base(tree, rows[0][1], file)
    listed = {base + path for _, path, _, _ in rows}
    _check_there(tree, listed, file)
    with located(file):
        labels = {spelling: label_of(card, spelling) for spelling in {row[3] for row in rows}}
    items = [
        (split, Item(base + path, label))
        for split, path, _, spelling in rows
        if (label := labels[spelling]) is not None
    ]
    unlisted = [path for path in image_files(tree) if path not in listed]
    return open_files(tree, items, card, remarks=left_out.unlisted(unlisted, name))


def _check_there(tree: FileTree, listed: set[str], file: str) -> None:
    missing = sorted(listed - set(tree.names))
    if missing:
        raise UserError(
            f"{len(missing)} of the {len(listed)} listed images do not exist, for instance {missing[0]}",
            code="coop-images-missing",
            file=file,
            remedy="Unpack the whole collection beside its split file.",
        )


def class_names(location: Location) -> list[str]:
    """Class names of a split file in the order of its labels.

    Raises:
        UserError: there is no split file, or it is damaged.
    """
    name = _split_file(location, None)
    rows = _rows(location.tree.read(name), location.tree.path_of(name))
    return [spelling for _, spelling in sorted({(label, spelling) for _, _, label, spelling in rows})]


def _split_file(location: Location, card: Card | None) -> str:
    """Name of the split file. The card's `images.split` decides where there are several.

    Raises:
        UserError: there is none, or there are several and the card does not say which.
    """
    names = [name for name in location.top_names if is_split_file(name)]
    chosen = card.images.split if card is not None and card.images is not None else None
    if not names:
        raise UserError(
            "there is no split_NAME.json",
            code="coop-no-split-file",
            file=location.path,
            remedy="Check the path or --format.",
        )
    if chosen in names:
        return str(chosen)
    if len(names) > 1:
        raise UserError(
            f"there are several split files: {', '.join(names)}",
            code="coop-several-split-files",
            file=location.path,
            remedy="Keep one, or name it in the card: images.split.",
        )
    return names[0]


def _rows(content: bytes, file: str) -> Iterator[tuple[str, str, int, str]]:
    try:
        parsed = parse(content.decode("utf-8-sig"), most_values=_MOST_VALUES)
    except ValueError as error:
        raise UserError(
            f"not JSON: {error}", code="coop-not-json", file=file, remedy="Restore the split file."
        ) from error
    value = parsed.value
    if not isinstance(value, dict) or not set(value) <= set(SPLITS) or "train" not in value:
        raise UserError(
            "a split file is one object with the keys train, val and test",
            code="coop-wrong-keys",
            file=file,
            remedy="Restore it.",
        )
    errors = [
        UserError(
            problem,
            code="coop-bad-row",
            file=file,
            line=parsed.line((split, index)),
            remedy="Correct the row.",
        )
        for split, index, problem in _problems(parsed)
    ]
    if errors:
        raise one_or_many(errors[:_SHOWN_ERRORS])
    for split, rows in value.items():
        for path, label, spelling in rows:
            yield split, path.replace("\\", "/").removeprefix("./"), label, spelling


def _problems(parsed: LocatedJson) -> Iterator[tuple[str, int, str]]:
    for split, rows in parsed.value.items():
        if not isinstance(rows, list):
            yield split, 0, f"'{split}' is not a list"
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


def _base(tree: FileTree, first: str, file: str) -> str:
    """The folder (with a slash, or empty) below which the split file's paths lie."""
    ends = [name for name in tree.names if name == first or name.endswith(f"/{first}")]
    if not ends:
        raise UserError(
            f"the images are not beside it: '{first}' is in no folder here",
            code="coop-images-missing",
            file=file,
            remedy="Put the image folder beside the split file.",
        )
    return min(ends, key=len).removesuffix(first)


FORMAT = ImageFormat(
    "coop", "a split_NAME.json of the CoOp family beside its images", detect, open_coop, class_names, rank=20
)
