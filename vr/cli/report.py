"""`vr report` on the command line: parse, call, print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vr.cli import options
from vr.cli.values import from_here

if TYPE_CHECKING:
    from vr.report.comparison.results import Result


def report(
    run_directories: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Directories that `vr train` wrote, or folders of them."),
    ],
    data: options.RunData = None,
    data_format: options.Format = None,
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    baseline: Annotated[
        str | None,
        options.option(
            "Comparison",
            "The run that the others are compared with: its directory, or its method if only one run has it.",
            default="the first",
        ),
    ] = None,
    index: Annotated[
        bool | None,
        options.option(
            "Comparison",
            "A table of all runs that sorts by any column, with links to their reports.",
            "--index/--no-index",
            default="for more than 12 runs",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        options.option(options.OUTPUT, "The page.", default="RUN/report.html, or beside the runs compared"),
    ] = None,
) -> None:
    """Write the report of a run, or compare several.

    Several runs become one page that compares them; many become an index.
    """
    from vr.report.comparison import naming, results

    finished = results.find(run_directories)
    if index or (index is None and len(finished) > results.MANY and baseline is None):
        _index(finished, out)
    elif len(finished) > 1:
        _compare(finished, out, 0 if baseline is None else naming.find_run(finished, baseline))
    else:
        _one(finished[0].path, out, data, data_format, backbone=backbone, weights=weights, device=device)


def _index(finished: Sequence[Result], out: Path | None) -> None:
    from vr.report.comparison.index_page import write_index

    typer.echo(f"written: {from_here(write_index(finished, out))}")


def _compare(finished: Sequence[Result], out: Path | None, baseline: int) -> None:
    from vr.report.comparison import page

    typer.echo(f"written: {from_here(page.write_comparison(finished, out, baseline=baseline))}")


def _one(
    path: Path, out: Path | None, data: Path | None, data_format: str | None, *, device: str, **model: Any
) -> None:
    from vr.report import report_data, run_report
    from vr.runtime.device import resolve_device

    read = report_data.reopen(
        path, data=data, data_format=data_format, device=resolve_device(device), **model
    )
    for gap in read.gaps:
        typer.echo(f"note: {gap}", err=True)
    typer.echo(f"written: {run_report.write(read, out)}")
