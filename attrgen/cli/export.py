"""`attrgen export` on the command line: parse, call, print."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class To(StrEnum):
    """The formats that there are (`attrgen.curation.formats.exporting`)."""

    attrvr = "attrvr"
    biomedvr = "biomedvr"
    cupl = "cupl"
    csv = "csv"


def export(
    file: Annotated[Path, typer.Argument(help="An attribute set.")],
    to: Annotated[To, typer.Option(help="The format.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the files.")] = Path(),
    dataset: Annotated[
        str | None, typer.Option(help="Its card.  [default: the shipped card of its dataset]")
    ] = None,
    kind: Annotated[str, typer.Option(help="For cupl: the kind to write.")] = "descriptive",
    clean: Annotated[
        bool, typer.Option("--clean", help="Leave out the repeated and blank texts of an imported file.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write an attribute set in another program's format, and say what the format cannot hold."""
    from attrgen.cli.options import checked_kind
    from attrgen.core.overwrite import write_new
    from attrgen.curation.formats.exporting import FORMATS, Source
    from attrgen.schema import attribute_set, spelling

    attributes = attribute_set.load(file)
    card = spelling.card_of(attributes, dataset)
    source = Source(attributes, card, checked_kind(kind) or "descriptive", clean)
    contents = {out / name: text for name, text in FORMATS[to.value](source).items()}
    write_new(contents, force=force)
    print(*(f"{path}: written." for path in contents), sep="\n")
    if source.lost:
        print(f"Not in {'these files' if len(contents) > 1 else 'this file'}: {'; '.join(source.lost)}.")
