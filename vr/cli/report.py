"""`vr report` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli.shared_options import Data, Device, Format, RunBackbone, Weights


def report(
    run_directories: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Directories that `vr train` wrote, or folders of them."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Where the page goes.  [default: RUN/report.html, or beside the runs compared]"),
    ] = None,
    data: Data = None,
    format: Format = None,
    backbone: RunBackbone = None,
    weights: Weights = None,
    device: Device = "auto",
) -> None:
    """Look at a run: write its report.html again. Several runs become one page that compares them."""
    from vr.report import report_data, run_report
    from vr.report.comparison import page as comparison
    from vr.report.comparison import results
    from vr.runtime.device import resolve_device

    found = results.find(run_directories)
    if len(found) > 1:
        typer.echo(f"written: {comparison.write_comparison(found, out)}")
        return
    read = report_data.reopen(
        found[0].path,
        data=data,
        data_format=format,
        backbone=backbone,
        weights=weights,
        device=resolve_device(device),
    )
    for gap in read.gaps:
        typer.echo(f"note: {gap}", err=True)
    typer.echo(f"written: {run_report.write(read, out)}")
