"""The `attrgen` command line: parse, call, print."""

from __future__ import annotations

import typer

from attrgen import build_cli
from attrgen.command import run

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Class names in, a set of visual attributes out, for people to read, edit and share.",
)
app.command("build")(build_cli.build)


def main() -> None:
    """Entry point of `attrgen`."""
    run(app)
