"""The `vr` command line: parse, call, print."""

from __future__ import annotations

import typer

from attrgen.command import run
from vr import data_cli, train_cli

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.command("train")(train_cli.train)
app.command("eval")(train_cli.evaluate)
app.add_typer(data_cli.app, name="data")


def main() -> None:
    """Entry point of `vr`."""
    run(app)
