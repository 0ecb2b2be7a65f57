"""`attrgen merge` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.cli.options import Force, SetCard


def merge(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES...", help="Attribute sets of the same dataset, in order."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The set to write.")],
    dataset: SetCard = None,
    force: Force = False,
) -> None:
    """Join sets of one dataset, list by list, each text once.

    The texts of the first set come first in each list, then the new ones of the second, and so on.
    """
    from attrgen.core.locks import locked_file
    from attrgen.core.overwrite import write_new
    from attrgen.curation.merge import merge as merged_of
    from attrgen.schema import attribute_set, spelling

    with locked_file(out):  # which may be one of those that are read
        sets = [attribute_set.load(path) for path in files]
        merged = merged_of(sets, spelling.card_of(sets[0], dataset))
        write_new({out: attribute_set.dumps(merged.attributes)}, force=force)
    lines = [f"{path}: {number} texts taken." for path, number in zip(files, merged.added, strict=True)]
    lines += [f"conflict: {conflict}" for conflict in merged.conflicts]
    print(*lines, f"{out}: written, id {merged.attributes.id[:12]}.", sep="\n")
