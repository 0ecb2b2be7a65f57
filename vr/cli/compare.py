"""`vr compare` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options, values

_HELP = "A run directory, or a folder with the seeds of one setting."


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help=_HELP)],
    second: Annotated[Path, typer.Argument(metavar="B", help=_HELP)],
    html: Annotated[
        Path | None, options.option(options.OUTPUT, "Also write a page with both.", default="not written")
    ] = None,
    as_json: options.AsJson = False,
    force: options.Force = False,
) -> None:
    """Compare two runs on the same images.

    Shows the difference of every metric with its interval, whether it is beyond chance, and for each class
    on how many images only one of the two is right.
    """
    import json

    from vr.report.comparison.results import find_cell

    if not force:
        values.check_free(html, remedy="Choose another path, or overwrite it with --force.")
    for path in (first, second):
        find_cell(path)  # before torch is loaded

    from vr.report.comparison import pair, pair_table

    compared = pair.compare(first, second)
    if as_json:
        typer.echo(json.dumps(pair_table.as_json(compared), indent=2, ensure_ascii=False))
    else:
        pair_table.show(compared)
    if html is not None:
        from vr.report.comparison.page import write_comparison

        written = write_comparison([*compared.first.results, *compared.second.results], html)
        typer.echo(f"written: {written}", err=True)
