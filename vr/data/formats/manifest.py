"""A table of images: a CSV or Parquet file with the columns path, label and, if there are splits, split."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from attrgen.schema.image_names import TABLE_HEAD, is_manifest, split_of
from vr.data.formats.file_source import FileSource, label_by_number, label_of, whole_splits
from vr.data.formats.file_tree import FileTree, FolderTree, Location, is_inside
from vr.data.formats.source import Item

Row = tuple[int, str, str, str]  # line, path, label, split


def looks(place: Location, card: Card) -> bool:
    """Whether it is a manifest, or a folder with one at its top."""
    return find(place) is not None


def find(place: Location) -> tuple[FileTree, str] | None:
    """The manifest's tree and name.

    Raises:
        UserError: there are several.
    """
    if place.path.is_file():
        known = place.path.suffix.lower() in (".csv", ".parquet")
        if known or not place.has_tree:
            return (FolderTree(place.path.parent), place.path.name) if known else None
    found = [name for name in place.tree.names if "/" not in name and _is_manifest(place.tree, name)]
    if len(found) > 1:
        raise UserError(
            f"there are several manifests: {', '.join(found)}",
            file=place.path,
            remedy="Give the path of one of them.",
        )
    return (place.tree, found[0]) if found else None


def open_manifest(place: Location, card: Card) -> FileSource:
    """Open a manifest; paths are relative to its folder, labels are class names or integers.

    Raises:
        UserError: no such columns, a row without a path, an unknown label or split, a file that is missing.
    """
    found = find(place)
    if found is None:
        raise UserError(
            "there is no manifest",
            file=place.path,
            remedy="Give a .csv or .parquet with the columns path, label.",
        )
    tree, name = found
    there = set(tree.names)
    items = []
    for line, path, label, split in read_rows(tree, name):
        where = tree.place(name)
        if not is_inside(path):
            raise UserError(
                f"the path '{path}' leads outside of the manifest's folder",
                file=where,
                line=line,
                remedy="Put the manifest above its images.",
            )
        path = path.replace("\\", "/").removeprefix("./")
        if path not in there:
            raise UserError(f"there is no '{path}'", file=where, line=line, remedy="Correct the row.")
        try:
            number = _label(card, label)
        except UserError as error:
            raise UserError(error.what, file=where, line=line, remedy=error.remedy) from error
        known_split = split_of(split) if split else "train"
        if known_split is None:
            raise UserError(
                f"unknown split '{split}'", file=where, line=line, remedy="Use train, val or test."
            )
        if number is not None:
            items.append((known_split, Item(path, number)))
    splits, notes = whole_splits(items, card, tree.root)
    return FileSource(tree, splits, notes, card.images.window if card.images else None)


def read_rows(tree: FileTree, name: str) -> Iterator[Row]:
    """Rows of a manifest as text.

    Raises:
        UserError: it cannot be read, has no columns path and label, or a cell is empty.
    """
    place, content = tree.place(name), tree.read(name)
    header, rows = _parquet(content, place) if name.lower().endswith(".parquet") else _csv(content, place)
    columns = [str(title).strip().casefold() for title in header]
    if "path" not in columns or "label" not in columns:
        raise UserError(
            f"the columns are {', '.join(columns) or 'none'}; path and label are needed",
            file=place,
            remedy="Name them in the first line: path,label or path,label,split.",
        )
    at_path, at_label = columns.index("path"), columns.index("label")
    at_split = columns.index("split") if "split" in columns else None
    for line, row in rows:
        if len(row) != len(columns) or not row[at_path].strip() or not row[at_label].strip():
            raise UserError(
                "a row needs a path and a label", file=place, line=line, remedy="Correct the row."
            )
        split = row[at_split].strip() if at_split is not None else ""
        yield line, row[at_path].strip(), row[at_label].strip(), split


def _csv(content: bytes, place: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError("not UTF-8 text", file=place, remedy="Save the file as UTF-8.") from error
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
                f"not CSV: {error}", file=place, line=reader.line_num, remedy="Mend it."
            ) from error

    return header, rows()


def _parquet(content: bytes, place: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UserError(
            "a Parquet manifest needs pyarrow",
            file=place,
            remedy="pip install 'biomedvr[parquet]', or use CSV.",
        ) from error
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"not a Parquet file: {error}", file=place, remedy="Write it again.") from error
    columns: Sequence[list[object]] = [table.column(i).to_pylist() for i in range(table.num_columns)]
    cells = (["" if cell is None else str(cell) for cell in row] for row in zip(*columns, strict=True))
    return list(table.column_names), enumerate(cells, 1)


def _is_manifest(tree: FileTree, name: str) -> bool:
    return name.lower().endswith((".csv", ".parquet")) and is_manifest(name, tree.head(name, TABLE_HEAD))


def _label(card: Card, label: str) -> int | None:
    if label.isascii() and label.isdigit() and card.find_class(label) is None:
        return label_by_number(card, int(label))
    return label_of(card, label)
