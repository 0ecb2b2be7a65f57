"""One shard of a list: its number, and the journal with its rows; nothing heavy is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attrgen.core.errors import UserError
from vr.inference import stored_row
from vr.inference.journal import END, last_row

if TYPE_CHECKING:
    from vr.inference.blocks import Block

_PART = re.compile(r"(\d+)-of-(\d+)\.jsonl")


class Shard(NamedTuple):
    """One of several shards, by its number from 1."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """`2/8` is the second of eight.

        Raises:
            UserError: not of this form, or the number is not from 1 to the count.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise UserError(
                f"--shard {text} is not a shard",
                code="predict-shard",
                remedy="Give its number and how many there are: 1/8, 2/8, … and 8/8 for eight.",
            )
        return cls(int(match[1]), int(match[2]))

    def share(self, blocks: Iterable[Block], stripe: int) -> Iterator[Block]:
        """The blocks of this shard, of a list that is divided into stripes of so many images."""
        return (block for block in blocks if block.start // stripe % self.total == self.number - 1)

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


def folder_of(out: Path) -> Path:
    """The folder with the parts of a table."""
    return out.with_name(f"{out.name}.parts")


def is_finished(out: Path, shard: Shard) -> bool:
    """Whether the journal of a shard is complete."""
    return part_of(out, shard).is_file() and end_of(part_of(out, shard)) is not None


def part_of(out: Path, shard: Shard) -> Path:
    """The journal of a shard."""
    return folder_of(out) / f"{shard.number}-of-{shard.total}.jsonl"


def numbers_of_shards(out: Path) -> list[int]:
    """How many shards the parts of a table say that there are: one number, unless two divisions are mixed."""
    names = (_PART.fullmatch(path.name) for path in folder_of(out).glob("*.jsonl"))
    return sorted({int(name[2]) for name in names if name is not None})


def end_of(path: Path) -> dict[str, Any] | None:
    """What a complete journal says of the list; None where it is not complete."""
    last = last_row(path)
    return None if last is None or not stored_row.is_end(last) else last[END]
