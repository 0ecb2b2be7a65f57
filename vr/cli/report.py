"""`vr report` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options


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
    out: Annotated[
        Path | None,
        options.option(options.OUTPUT, "The page.", default="RUN/report.html, or beside the runs compared"),
    ] = None,
) -> None:
    """Write the report of a run, or compare several.

    Several runs become one page that compares them.
    """
    from vr.report.comparison import naming, results

    finished = results.find(run_directories)
    compared = len(finished) > 1
    reference = naming.find_run(finished, baseline) if compared and baseline is not None else 0

    from vr.report import report_data, run_report
    from vr.report.comparison import page as comparison
    from vr.runtime.device import resolve_device

    if compared:
        typer.echo(f"written: {comparison.write_comparison(finished, out, baseline=reference)}")
        return
    read = report_data.reopen(
        finished[0].path,
        data=data,
        data_format=data_format,
        backbone=backbone,
        weights=weights,
        device=resolve_device(device),
    )
    for gap in read.gaps:
        typer.echo(f"note: {gap}", err=True)
    typer.echo(f"written: {run_report.write(read, out)}")
