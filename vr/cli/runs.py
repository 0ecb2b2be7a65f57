"""`vr runs` on the command line: parse, call, print."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options


def list_(roots: options.Roots = None, as_json: options.AsJson = False) -> None:
    """List run directories.

    Shows what was trained, whether it is finished, the accuracy and the size.
    """
    from attrgen.core import tables
    from vr.runs.listing import listed

    runs = [run for root in roots or [Path("runs")] for run in listed(root)]
    if as_json:
        values = [{**asdict(run), "path": str(run.path)} for run in runs]
        typer.echo(json.dumps(values, indent=2, ensure_ascii=False))
        return
    if not runs:
        typer.echo(f"no run below {', '.join(map(str, roots or [Path('runs')]))}")
        return
    table = tables.table(
        *("run", "state", "dataset", "method", "backbone"), numbers=("shots", "seed", "accuracy", "MB")
    )
    for run in runs:
        accuracy = "" if run.accuracy is None else f"{100 * run.accuracy:.1f}%"
        about = (run.state, run.dataset, run.label, run.backbone)
        numbers = (run.shots or "", run.seed, accuracy, f"{run.bytes / 1e6:.1f}")
        tables.add_row(table, str(run.path), *about, *numbers)
    tables.show(table)


def remove(
    run_directories: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Directories that `vr train` wrote.")
    ],
    yes: Annotated[bool, options.option(options.OUTPUT, "Do not ask for confirmation.", "--yes")] = False,
) -> None:
    """Remove run directories, after a question.

    Only files that the program wrote are removed. Files of yours in a run directory are kept and listed.
    """
    from vr.runs.listing import files_of
    from vr.runs.listing import remove as remove_run

    for path in run_directories:
        files_of(path)  # refuse before the first is removed
    for path in run_directories:
        written, _ = files_of(path)
        if not yes and not typer.confirm(f"Remove the run {path} ({len(written)} files)?"):
            typer.echo(f"kept: {path}")
            continue
        kept = remove_run(path)
        rest = f"; kept, because the program did not write it: {', '.join(map(str, kept))}" if kept else ""
        typer.echo(f"removed: {path}{rest}")
