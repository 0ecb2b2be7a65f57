"""`vr table` and `vr curve` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options

TABLE = "Table"


PerClass = Annotated[
    bool, options.option(TABLE, "A column per class instead of one per dataset.", "--per-class")
]


def table(
    roots: options.Roots = None,
    metric: options.Metric = "accuracy",
    per_class: PerClass = False,
    baseline: Annotated[
        str | None,
        options.option(
            TABLE,
            "A row to compare the others with, by paired differences, or none.",
            default="linear-probe, where it is a row",
        ),
    ] = None,
    published: Annotated[
        bool, options.option(TABLE, "Also show the published numbers.", "--published")
    ] = False,
    form: Annotated[
        str | None,
        options.option(options.OUTPUT, "md, csv or latex.", "--form", default="--out's suffix, else md"),
    ] = None,
    out: Annotated[
        Path | None, options.option(options.OUTPUT, "A .md, .csv or .tex file.", default="printed")
    ] = None,
) -> None:
    """Compare methods over datasets, from all finished runs.

    Shows mean and spread over seeds, differences from a baseline and which of them are beyond chance, ranks,
    and which cells are missing.
    """
    from attrgen.core.files import write_text
    from vr.report.comparison import class_table, formats, results
    from vr.report.comparison import table as tables

    as_form = formats.form_of(form, out)
    runs = results.find(roots or [Path("runs")])
    if per_class:
        made = class_table.make_class_tables(runs, metric=metric)
    else:
        made = tables.make_tables(
            runs,
            metric=metric,
            baseline=_baseline(baseline, tables.default_baseline(runs)),
            published=tables.read_published() if published else None,
        )
    text = formats.render(made, as_form)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
        typer.echo(f"written: {out}")


def _baseline(named: str | None, default: str | None) -> str | None:
    if named is None:
        return default
    return None if named == "none" else named


def curve(
    out: Annotated[Path, options.option(options.OUTPUT, "A .png, .svg or .pdf file.")],
    roots: options.Roots = None,
    metric: options.Metric = "accuracy",
) -> None:
    """Plot a metric against the number of shots.

    The values go into a .csv file of the same name.
    """
    from vr.report.comparison import curve as curves
    from vr.report.comparison import results

    values = curves.draw(results.find(roots or [Path("runs")]), out, metric=metric)
    typer.echo(f"written: {out}, {values}")
