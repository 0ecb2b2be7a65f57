"""The `attrgen` command line: parse, call, print."""

from __future__ import annotations

import typer

from attrgen.cli import build as build_cli
from attrgen.cli import cache as cache_cli
from attrgen.cli import check as check_cli
from attrgen.cli import cite as cite_cli
from attrgen.cli import diff as diff_cli
from attrgen.cli import edit as edit_cli
from attrgen.cli import export as export_cli
from attrgen.cli import hub as hub_cli
from attrgen.cli import import_ as import_cli
from attrgen.cli import merge as merge_cli
from attrgen.cli import prompts as prompts_cli
from attrgen.cli import schema as schema_cli
from attrgen.cli import show as show_cli
from attrgen.cli import status as status_cli
from attrgen.core.command import run

HELP = "Class names in, a set of visual attributes out, for people to read, edit and share."

# Plain help: importing rich would take two thirds of the time in which `attrgen --help` is there.
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=HELP)
app.command("build")(build_cli.build)
app.command("check")(check_cli.check)
app.command("show")(show_cli.show)
app.command("edit")(edit_cli.edit)
app.command("status")(status_cli.status)
app.command("diff")(diff_cli.diff)
app.command("merge")(merge_cli.merge)
app.command("import")(import_cli.import_)
app.command("export")(export_cli.export)
app.command("push")(hub_cli.push)
app.command("pull")(hub_cli.pull)
app.command("cite")(cite_cli.cite)
app.command("schema")(schema_cli.schema)
app.add_typer(prompts_cli.app, name="prompts")
app.add_typer(cache_cli.app, name="cache")


def main() -> None:
    """Entry point of `attrgen`."""
    run(app)
