"""`attrgen merge` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="A B ...", help="Attribute sets of the same dataset, the first first."),
    ],
    out: Annotated[Path, typer.Option(help="The set to write.")],
    dataset: Annotated[
        str | None, typer.Option(help="Their card.  [default: the shipped card of their dataset]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a set that is there.")] = False,
) -> None:
    """Join attribute sets: every list has the texts of all, none twice, the first set's first."""
    from attrgen.core.overwrite import write_new
    from attrgen.curation.merge import merge as merged_of
    from attrgen.schema import attribute_set, spelling

    sets = [attribute_set.load(path) for path in files]
    merged = merged_of(sets, spelling.card_of(sets[0], dataset))
    write_new({out: attribute_set.dumps(merged.attributes)}, force=force)
    print(
        *(f"{path}: {number} texts taken." for path, number in zip(files, merged.added, strict=True)),
        sep="\n",
    )
    print(
        *(f"conflict: {conflict}" for conflict in merged.conflicts),
        sep="\n",
        end="\n" if merged.conflicts else "",
    )
    print(f"{out}: written, id {merged.attributes.id[:12]}.")
