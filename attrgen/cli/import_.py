"""`attrgen import` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.cli.options import Force, NewSet


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES...", help="*_des.json, *_dist.json, *_confuse.json, or a CSV."),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="CARD",
            help="Card whose spelling of the classes the set gets.  [default: the files' spelling]",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Kind of the texts.  [default: as the files' names end, else descriptive]"),
    ] = None,
    out: NewSet = None,
    force: Force = False,
) -> None:
    """Make a set from published files or a table.

    The formats are those of AttrVR, BioMedVR and CuPL, and CSV with the columns class, kind, confused (for
    confusion texts) and text.

    What a set cannot hold, such as a repeated text in a list, is kept in its provenance, so that
    `attrgen export` writes the files back as they were. A confusion text goes under the class that it names
    for sure, else under 'other'.
    """
    from attrgen.cli.options import SETS
    from attrgen.cli.parsing import checked_kind
    from attrgen.core.overwrite import write_new
    from attrgen.core.shell import command
    from attrgen.curation.formats.importing import import_files
    from attrgen.schema import attribute_set, card

    its_card = None if dataset is None else card.find(dataset)
    imported = import_files(files, its_card, None if kind is None else checked_kind(kind))
    print(*imported.notes, sep="\n")
    path = out or SETS / f"{imported.attributes.dataset}.json"
    write_new({path: attribute_set.dumps(imported.attributes)}, force=force)
    print(f"{path}: written, id {imported.attributes.id[:12]}. See {command('attrgen', 'check', path)}.")
