"""A table of images: a CSV or Parquet file with the columns path, label and, if there are splits, split."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from attrgen.core.errors import UserError
from attrgen.core.names import did_you_mean, fold
from attrgen.schema.card import Card
from attrgen.schema.image_names import TABLE_HEAD, is_manifest, split_of
from vr.data.formats.file_source import FileSource, open_files
from vr.data.formats.file_tree import FileTree, FolderTree, is_inside
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.labels import class_names_of, label_by_number, label_of, located
from vr.data.formats.location import Location
from vr.data.formats.source import Item

SUFFIXES = (".csv", ".parquet")
# Titles of a column of groups, folded, the widest group first.
GROUP_COLUMNS = (
    *("group", "group id"),
    *("patient", "patient id", "patientid", "subject", "subject id", "participant id"),
    *("case", "case id", "lesion", "lesion id"),
)


@dataclass(frozen=True)
class Row:
    """A row of a manifest as text; `split` and `group` are empty where there is none."""

    line: int
    path: str
    label: str
    split: str
    group: str


def detect(location: Location) -> bool:
    """Whether it is a manifest, or a folder with one at its top."""
    return bool(_manifests(location)[1])


def open_manifest(location: Location, card: Card) -> FileSource:
    """Open a manifest; paths are relative to its folder, labels are class names or integers.

    Raises:
        UserError: no such columns, a row without a path, an unknown label or split, a file that is missing.
    """
    tree, name = _manifest(location)
    return open_files(tree, _items(tree, name, card), card)


def class_names(location: Location) -> list[str]:
    """The labels of a manifest.

    Raises:
        UserError: as for `read_rows`, or there is no manifest.
    """
    return class_names_of(row.label for row in read_rows(*_manifest(location)))


def _manifests(location: Location) -> tuple[FileTree | None, list[str]]:
    """The tree of the manifests at a location, and their names."""
    if location.path.is_file() and location.path.suffix.lower() in SUFFIXES:
        return FolderTree(location.path.parent), [location.path.name]
    if not location.has_tree:
        return None, []
    tree = location.tree
    return tree, [name for name in location.top_names if _is_manifest(tree, name)]


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


def _items(tree: FileTree, name: str, card: Card) -> Iterator[tuple[str, Item]]:
    files, manifest = set(tree.names), tree.path_of(name)
    column = card.images.group_column if card.images is not None else None
    for row in read_rows(tree, name, group_column=column):
        if not is_inside(row.path):
            raise UserError(
                f"the path '{row.path}' leads outside of the manifest's folder",
                code="manifest-path-outside",
                file=manifest,
                line=row.line,
                remedy="Put the manifest above its images.",
            )
        path = row.path.replace("\\", "/").removeprefix("./")
        if path not in files:
            raise UserError(
                f"there is no '{path}'",
                code="manifest-image-missing",
                file=manifest,
                line=row.line,
                remedy="Correct the row.",
            )
        with located(manifest, row.line):
            label = _label(card, row.label)
        split = split_of(row.split) if row.split else "train"
        if split is None:
            raise UserError(
                f"unknown split '{row.split}'",
                code="manifest-unknown-split",
                file=manifest,
                line=row.line,
                remedy="Use train, val or test.",
            )
        if label is not None:
            yield split, Item(path, label, row.group or None)


def read_rows(tree: FileTree, name: str, *, group_column: str | None = None) -> Iterator[Row]:
    """Rows of a manifest as text.

    Args:
        group_column: title of the column of groups; by default the first of `GROUP_COLUMNS` that there is.

    Raises:
        UserError: it cannot be read, has no columns path and label, or a cell is empty.
    """
    file, content = tree.path_of(name), tree.read(name)
    header, rows = _parquet(content, file) if name.lower().endswith(".parquet") else _csv(content, file)
    columns = [str(title).strip().casefold() for title in header]
    if "path" not in columns or "label" not in columns:
        raise UserError(
            f"the columns are {', '.join(columns) or 'none'}; path and label are required",
            code="manifest-columns",
            file=file,
            remedy="Name them in the first line: path,label or path,label,split.",
        )
    at_path, at_label = columns.index("path"), columns.index("label")
    at_split = columns.index("split") if "split" in columns else None
    at_group = _group_index(columns, group_column, file)
    for line, row in rows:
        if len(row) != len(columns) or not row[at_path].strip() or not row[at_label].strip():
            raise UserError(
                "a row requires a path and a label",
                code="manifest-bad-row",
                file=file,
                line=line,
                remedy="Correct the row.",
            )
        split = row[at_split].strip() if at_split is not None else ""
        group = row[at_group].strip() if at_group is not None else ""
        yield Row(line, row[at_path].strip(), row[at_label].strip(), split, group)


def _group_index(columns: Sequence[str], title: str | None, file: str) -> int | None:
    """Index of the column of groups, or None.

    Raises:
        UserError: there is no column of that title.
    """
    folded = [fold(column) for column in columns]
    if title is None:
        return next((folded.index(known) for known in GROUP_COLUMNS if known in folded), None)
    if fold(title) not in folded:
        raise UserError(
            f"there is no column '{title}', which the card names as images.group_column",
            code="manifest-no-group-column",
            file=file,
            remedy=did_you_mean(title, columns),
        )
    return folded.index(fold(title))


def _csv(content: bytes, file: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            "not UTF-8 text", code="manifest-not-utf8", file=file, remedy="Save the file as UTF-8."
        ) from error
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(reader, [])

    def rows() -> Iterator[tuple[int, list[str]]]:
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            raise UserError(
                f"not CSV: {error}",
                code="manifest-not-csv",
                file=file,
                line=reader.line_num,
                remedy="Correct the line.",
            ) from error

    return header, rows()


def _parquet(content: bytes, file: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UserError(
            "a Parquet manifest requires pyarrow",
            code="manifest-needs-pyarrow",
            file=file,
            remedy="pip install 'biomedvr[parquet]', or use CSV.",
        ) from error
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(
            f"not a Parquet file: {error}", code="manifest-not-parquet", file=file, remedy="Write it again."
        ) from error
    columns: Sequence[list[object]] = [table.column(i).to_pylist() for i in range(table.num_columns)]
    cells = (["" if cell is None else str(cell) for cell in row] for row in zip(*columns, strict=True))
    return list(table.column_names), enumerate(cells, 1)


def _is_manifest(tree: FileTree, name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and is_manifest(name, tree.head(name, TABLE_HEAD))


def _label(card: Card, label: str) -> int | None:
    if label.isascii() and label.isdigit() and card.find_class(label) is None:
        return label_by_number(card, int(label))
    return label_of(card, label)


FORMAT = ImageFormat(
    "manifest",
    "a table with the columns path, label and, if there are splits, split",
    detect,
    open_manifest,
    class_names,
    SUFFIXES,
    rank=30,
)
