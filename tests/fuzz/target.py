"""What a kind of file is for the fuzzer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fuzz.byte_mutations import Mutation

Command = tuple[str, ...] | Callable[[], None]
IMAGES = "formats/colour.png"


@dataclass(frozen=True)
class Target:
    """One kind of file.

    Attributes:
        name: of the kind.
        files: one of them is damaged; below the samples' folder.
        mutations: one of them, or two, are applied.
        commands: one of them is run per damaged file; a command line, or a function that reads the file.
        uses: other samples that the commands need.
        may_change: patterns of files that the commands replace: caches, and what `--force` overwrites.
        weight: how often it is chosen.
    """

    name: str
    files: tuple[str, ...]
    mutations: Sequence[Mutation]
    commands: Sequence[Command]
    uses: tuple[str, ...] = ()
    may_change: tuple[str, ...] = ()
    weight: int = 4
