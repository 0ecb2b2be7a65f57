"""The `vr` command line: parse, call, print."""

from __future__ import annotations

import typer

from attrgen.core.command import run
from vr.cli import audit as audit_cli
from vr.cli import bench as bench_cli
from vr.cli import data as data_cli
from vr.cli import explain as explain_cli
from vr.cli import predict as predict_cli
from vr.cli import report as report_cli
from vr.cli import share as share_cli
from vr.cli import sweep as sweep_cli
from vr.cli import train as train_cli

# Plain help: rich would read "[default: …]" as markup and leave it out.
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
app.command("audit")(audit_cli.audit)
app.command("bench")(bench_cli.bench)
app.command("train")(train_cli.train)
app.command("eval")(train_cli.evaluate)
app.command("predict")(predict_cli.predict)
app.command("calibrate")(predict_cli.calibrate)
app.command("explain")(explain_cli.explain)
app.command("report")(report_cli.report)
app.command("sweep")(sweep_cli.sweep)
app.command("table")(sweep_cli.table)
app.command("curve")(sweep_cli.curve)
app.command("card")(share_cli.card)
app.command("push")(share_cli.push)
app.add_typer(data_cli.app, name="data")


def main() -> None:
    """Entry point of `vr`."""
    run(app)
