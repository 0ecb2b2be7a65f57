"""A table of images: CSV or Parquet with the columns path, label and, if there are, split and group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.names import did_you_mean
from attrgen.schema.card import Card
from attrgen.schema.folder_card import class_folders, file_kinds, label_tables
from attrgen.schema.image_names import TABLE_HEAD, is_manifest, split_of
from attrgen.schema.table_columns import Columns, column_index, columns_of
from vr.data.formats import left_out
from vr.data.formats.file_source import FileSource, open_files
from vr.data.formats.file_tree import FileTree, FolderTree, is_inside
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.labels import class_names_of, is_number, label_by_number, label_of, located
from vr.data.formats.listed_paths import ListedPaths
from vr.data.formats.location import Location
from vr.data.formats.source import Item
from vr.data.formats.table import SUFFIXES, read_table
from vr.data.formats.table_labels import is_missing, plain_labels


@dataclass(frozen=True)
class Row:
    """A row of a manifest as text; `label` is None where it is missing, `split` and `group` may be empty."""

    line: int
    path: str
    label: str | None
    split: str
    group: str


@dataclass(frozen=True)
class Manifest:
    """A table that was read: its file, its columns, the title of that of groups, and its rows."""

    file: str
    columns: Columns
    group: str | None
    rows: tuple[Row, ...]

    def remarks(self) -> list[str]:
        """What was guessed or left out in reading it, one sentence each."""
        name = Path(self.file).name
        lines = []
        if not self.columns.is_exact:
            lines.append(f"'{name}': images and labels are taken from the columns {self.columns.guessed}.")
        missing = [row.path for row in self.rows if row.label is None]
        if missing:
            lines.append(
                f"{left_out.counted(missing, 'row')} left out, because the label is missing: "
                f"{left_out.listed(missing)}."
            )
        return lines


def detect(location: Location) -> bool:
    """Whether it is a manifest, or a folder with one at its top."""
    return bool(_manifests(location)[1])


def open_manifest(location: Location, card: Card) -> FileSource:
    """Open a manifest; paths are relative to its folder, labels are class names or integers.

    Rows without a label are left out. See `ListedPaths` for how images may be named.

    Raises:
        UserError: no such columns, a row without a path, an unknown label or split, a file that is missing.
    """
    tree, name = _manifest(location)
    manifest = read_manifest(tree, name, card)
    paths = ListedPaths(tree)
    items = list(_items(manifest, paths, card))
    remarks = [*manifest.remarks(), *_spelled_differently(manifest, card)]
    if paths.by_name:
        remarks.append(f"{paths.by_name} images were found by the name of the file, in any folder.")
    if paths.by_end:
        remarks.append(
            f"{len(paths.by_end)} absolute paths were matched by their end with images below the table's "
            f"folder, such as '{paths.by_end[0]}'."
        )
    listed = {item.path for _, item in items}
    listed |= {paths.find(row.path) or "" for row in manifest.rows if row.label is None}
    remarks += _unlisted(tree, name, listed)
    groups_by = None if manifest.group is None else f"the column '{manifest.group}'"
    return open_files(tree, items, card, remarks=remarks, groups_by=groups_by)


def class_names(location: Location) -> list[str]:
    """The labels of a manifest.

    Raises:
        UserError: as for `read_manifest`, or there is no manifest.
    """
    manifest = read_manifest(*_manifest(location))
    return class_names_of((row.label for row in manifest.rows if row.label is not None), gaps=False)


def _manifests(location: Location) -> tuple[FileTree | None, list[str]]:
    """The tree of the manifests at a location, and their names.

    Tables whose columns have other names than path and label count where no folders are classes.
    """
    if location.path.is_file() and location.path.suffix.lower() in SUFFIXES:
        return FolderTree(location.path.parent), [location.path.name]
    if not location.has_tree:
        return None, []
    tree = location.tree
    names = [name for name in location.top_names if _is_manifest(tree, name)]
    if not names and len(class_folders(tree)) < 2:
        names = label_tables(tree)
    return tree, names


def _manifest(location: Location) -> tuple[FileTree, str]:
    """The manifest's tree and name.

    Raises:
        UserError: there is none, or there are several.
    """
    tree, names = _manifests(location)
    if tree is None or not names:
        raise UserError(
            "there is no manifest",
            code="manifest-missing",
            file=location.path,
            remedy="Give a .csv or .parquet with the columns path, label.",
        )
    if len(names) > 1:
        raise UserError(
            f"there are several manifests: {', '.join(names)}",
            code="manifest-several",
            file=location.path,
            remedy="Give the path of one of them.",
        )
    return tree, names[0]


def _items(manifest: Manifest, paths: ListedPaths, card: Card) -> Iterator[tuple[str, Item]]:
    missing = []
    for row in manifest.rows:
        if row.label is None:
            continue
        path = _path(row, paths, manifest.file)
        if path is None:
            missing.append(row)
            continue
        with located(manifest.file, row.line):
            label = _label(card, row.label)
        split = split_of(row.split) if row.split else "train"
        if split is None:
            raise UserError(
                f"unknown split '{row.split}'",
                code="manifest-unknown-split",
                file=manifest.file,
                line=row.line,
                remedy="Use train, val or test.",
            )
        if label is not None:
            yield split, Item(path, label, row.group or None)
    if missing:
        raise _images_missing(missing, manifest)


def _spelled_differently(manifest: Manifest, card: Card) -> Iterator[str]:
    """Labels of the table that are taken for one class, a sentence per class."""
    cells: dict[int, list[str]] = {}
    for cell in dict.fromkeys(row.label for row in manifest.rows if row.label is not None):
        if (label := _label(card, cell)) is not None:
            cells.setdefault(label, []).append(cell)
    for label, spellings in cells.items():
        if len(spellings) > 1:
            quoted = left_out.listed([f"'{spelling}'" for spelling in spellings])
            yield f"The labels {quoted} are taken for one class, '{card.class_names[label]}'."


def _path(row: Row, paths: ListedPaths, file: str) -> str | None:
    with located(file, row.line):
        if is_inside(row.path):
            return paths.find(row.path)
        if (path := paths.find_by_end(row.path)) is not None:
            return path
    raise UserError(
        f"the path '{row.path}' leads outside of the table's folder, where no image has that name",
        code="manifest-path-outside",
        file=file,
        line=row.line,
        remedy="Put the table above its images, and write paths from its folder on, such as images/1.png.",
    )


def _images_missing(rows: Sequence[Row], manifest: Manifest) -> UserError:
    others = f", nor {len(rows) - 1} more of the {len(manifest.rows)} listed images" if len(rows) > 1 else ""
    return UserError(
        f"there is no '{rows[0].path}'{others}",
        code="manifest-image-missing",
        file=manifest.file,
        line=rows[0].line,
        remedy="Correct the rows, or put the table above its images.",
    )


def _unlisted(tree: FileTree, table: str, used: set[str]) -> list[str]:
    kinds = file_kinds(tree)
    unused = [name for name in kinds.images if name not in used]
    return [
        *left_out.unlisted(unused, table),
        *left_out.masks([name for name in kinds.masks if name not in used]),
    ]


def read_manifest(tree: FileTree, name: str, card: Card | None = None) -> Manifest:
    """The rows of a manifest as text.

    Args:
        card: a cell that is the spelling of one of its classes means that class, whatever it looks like; its
            `images.group_column` is the column of groups.

    Raises:
        UserError: it cannot be read, has no columns for image and label, or a row has no path or
            several labels.
    """
    file = tree.path_of(name)
    titles, rows = read_table(tree.read(name), file)
    columns = columns_of(titles)
    if columns.path is None or columns.label is None:
        raise UserError(
            f"the columns are {', '.join(columns.titles) or 'none'}; path and label are required",
            code="manifest-columns",
            file=file,
            remedy="Name them in the first line: path,label or path,label,split. One label per image is "
            "required: a table with one column per finding holds several.",
        )
    group = _group_index(columns, card, file)
    cells = list(_checked(rows, columns, file))
    with located(file):
        labels = plain_labels((row[columns.label] for _, row in cells), _is_class(card))
    if cells and not labels:
        raise UserError(
            f"no row has a label in the column '{columns.titles[columns.label]}'",
            code="manifest-no-labels",
            file=file,
            remedy="Fill in the labels.",
        )
    return Manifest(
        file,
        columns,
        None if group is None else columns.titles[group],
        tuple(
            Row(
                line,
                row[columns.path].strip(),
                labels.get(row[columns.label]),
                _cell(row, columns.split),
                "" if is_missing(_cell(row, group)) else _cell(row, group),
            )
            for line, row in cells
        ),
    )


def _checked(
    rows: Iterator[tuple[int, list[str]]], columns: Columns, file: str
) -> Iterator[tuple[int, list[str]]]:
    assert columns.path is not None
    for line, row in rows:
        if len(row) != len(columns.titles) or not row[columns.path].strip():
            raise UserError(
                f"a row requires {len(columns.titles)} cells, and a path",
                code="manifest-bad-row",
                file=file,
                line=line,
                remedy="Correct the row.",
            )
        yield line, row


def _cell(row: Sequence[str], index: int | None) -> str:
    return "" if index is None else row[index].strip()


def _group_index(columns: Columns, card: Card | None, file: str) -> int | None:
    """Index of the column of groups, or None.

    Raises:
        UserError: the card names one that is not there.
    """
    title = card.images.group_column if card is not None and card.images is not None else None
    if title is None:
        return columns.group
    index = column_index(columns.titles, title)
    if index is None:
        raise UserError(
            f"there is no column '{title}', which the card names as images.group_column",
            code="manifest-no-group-column",
            file=file,
            remedy=did_you_mean(title, columns.titles),
        )
    return index


def _is_class(card: Card | None) -> Callable[[str], bool]:
    if card is None:
        return lambda cell: False
    return lambda cell: card.find_class(cell) is not None or card.leaves_out(cell)


def _is_manifest(tree: FileTree, name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and is_manifest(name, tree.head(name, TABLE_HEAD))


def _label(card: Card, label: str) -> int | None:
    if is_number(label) and card.find_class(label) is None:
        return label_by_number(card, int(label))
    return label_of(card, label)


FORMAT = ImageFormat(
    "manifest",
    "a table with the columns path, label and, if there are, split and group",
    detect,
    open_manifest,
    class_names,
    SUFFIXES,
    rank=30,
)
