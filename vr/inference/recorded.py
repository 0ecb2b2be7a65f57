"""What a journal has of a list of images: which blocks remain, and all rows in the order of the list."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from attrgen.core.errors import UserError
from vr.data.formats.source import ImageSource
from vr.inference.blocks import AT, ERROR, Block, Row
from vr.inference.journal import END, Journal, entries, rows_at
from vr.inference.prediction_table import printable

_UNKNOWN = -1  # journals of older versions have no positions


class Recorded:
    """The rows of a journal by path.

    A list may have changed since the journal was begun: rows are known by their paths, and get the positions
    that these have now.

    Attributes:
        predicted: position of each predicted image.
        failed: position of each image that could not be read, and still cannot.
        images: how many rows there are, those that were added here too.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.predicted: dict[str, int] = {}
        self.failed: dict[str, int] = {}
        self._moved: dict[str, int] = {}
        for row in journal.rows():
            if END not in row:
                rows = self.predicted if row.get(ERROR) is None else self.failed
                rows[row["path"]] = row.get(AT, _UNKNOWN)
                if rows is self.predicted:
                    self.failed.pop(row["path"], None)
        self.images = len(self.predicted) + len(self.failed)

    def to_do(self, blocks: Iterable[Block], source: ImageSource) -> Iterator[Block]:
        """The blocks of which rows are missing. Images that could not be read are tried again."""
        for block in blocks:
            names = list(map(printable, block.paths))
            self._note_positions(block.start, names)
            missing = [n for n, name in enumerate(names) if name not in self.predicted]
            again = [block.paths[n] for n in missing if names[n] in self.failed]
            if len(again) < len(missing) or any(_is_readable(source, path) for path in again):
                yield block

    def add(self, rows: Sequence[Row]) -> None:
        """Append those rows of a block that are not in the journal."""
        new = [row for row in rows if row["path"] not in self.predicted]
        new = [row for row in new if row.get(ERROR) is None or row["path"] not in self.failed]
        self._journal.append(new)
        for row in new:
            if row.get(ERROR) is not None:
                self.failed[row["path"]] = row[AT]
            elif self.failed.pop(row["path"], None) is not None:
                self.images -= 1
        self.images += len(new)

    def in_order(self) -> Iterator[Row]:
        """All rows in the order of the list as it is now."""
        return in_order(self._journal.path, self._moved)

    def _note_positions(self, start: int, names: Sequence[str]) -> None:
        for position, name in enumerate(names, start):
            recorded = self.predicted.get(name, self.failed.get(name, position))
            if recorded != position:
                self._moved[name] = position


def in_order(path: Path, moved: Mapping[str, int] | None = None) -> Iterator[Row]:
    """All rows of a journal in the order of the list, one per image; 16 bytes per row are in memory.

    Args:
        moved: positions of images that are not where the journal says.
    """
    import numpy as np

    positions, offsets = array("q"), array("q")
    failed: dict[str, int] = {}
    for offset, row in entries(path):
        if END in row:
            continue
        name = row["path"]
        if row.get(ERROR) is not None:
            failed[name] = len(positions)
        elif name in failed:  # it could be read later
            positions.pop(index := failed.pop(name))
            offsets.pop(index)
            failed = {other: n - (n > index) for other, n in failed.items()}
        positions.append((moved or {}).get(name, row.get(AT, _UNKNOWN)))
        offsets.append(offset)
    order = np.argsort(np.array(positions, dtype=np.int64), kind="stable")
    for n, row in zip(order, rows_at(path, (offsets[n] for n in order)), strict=True):
        yield {**row, AT: positions[n]}


def _is_readable(source: ImageSource, path: str) -> bool:
    try:
        source.read(path)
    except UserError:
        return False
    return True
