"""`attrgen import` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES...", help="*_des.json, *_dist.json, *_confuse.json, or a CSV."),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(metavar="CARD", help="Map the files' spellings of classes through this card."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="What the files hold.  [default: as their names end, else descriptive]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The set to write.  [default: attrs/DATASET.json]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a set that is there.")] = False,
) -> None:
    """Make an attribute set of published files (AttrVR, BioMedVR, CuPL, or a table).

    What a set cannot hold, such as a text that is twice in a list, is kept in its provenance, so that
    `attrgen export` writes the files back as they were. A confusion text goes under the class that it names
    for sure, else under 'other'.
    """
    from attrgen.cli.options import SETS, checked_kind
    from attrgen.core.overwrite import write_new
    from attrgen.curation.formats.importing import import_files
    from attrgen.schema import attribute_set, card

    its_card = None if dataset is None else card.find(dataset)
    imported = import_files(files, its_card, checked_kind(kind))
    print(*imported.notes, sep="\n")
    path = out or SETS / f"{imported.attributes.dataset}.json"
    write_new({path: attribute_set.dumps(imported.attributes)}, force=force)
    print(f"{path}: written, id {imported.attributes.id[:12]}. See `attrgen check {path}`.")
