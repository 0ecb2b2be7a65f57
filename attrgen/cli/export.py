"""`attrgen export` on the command line: parse, call, print."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from attrgen.cli.options import Force, SetCard, SetFile


class To(StrEnum):
    """The formats that there are (`attrgen.curation.formats.exporting`)."""

    attrvr = "attrvr"
    biomedvr = "biomedvr"
    cupl = "cupl"
    csv = "csv"


def export(
    file: SetFile,
    to: Annotated[To, typer.Option(help="The format.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the files.  [default: this folder]")
    ] = Path(),
    dataset: SetCard = None,
    kind: Annotated[str, typer.Option(help="For cupl: the kind to write.")] = "descriptive",
    clean: Annotated[
        bool, typer.Option("--clean", help="Leave out the repeated and blank texts of an imported file.")
    ] = False,
    force: Force = False,
) -> None:
    """Write a set in another program's format.

    What the format cannot hold is listed.
    """
    from attrgen.cli.parsing import checked_kind
    from attrgen.core.overwrite import write_new
    from attrgen.curation.formats.exporting import FORMATS, Source
    from attrgen.schema import attribute_set, spelling

    attributes = attribute_set.load(file)
    card = spelling.card_of(attributes, dataset)
    source = Source(attributes, card, checked_kind(kind), clean)
    contents = {out / name: text for name, text in FORMATS[to.value](source).items()}
    write_new(contents, force=force)
    print(*(f"{path}: written." for path in contents), sep="\n")
    if source.lost:
        print(f"Not in {'these files' if len(contents) > 1 else 'this file'}: {'; '.join(source.lost)}.")
