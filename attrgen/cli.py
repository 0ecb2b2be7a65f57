"""The `attrgen` command line: parse, call, print."""

from __future__ import annotations

import typer

from attrgen import (
    build_cli,
    cache_cli,
    check_cli,
    cite_cli,
    diff_cli,
    edit_cli,
    export_cli,
    hub_cli,
    import_cli,
    merge_cli,
    prompts_cli,
    schema_cli,
    show_cli,
    status_cli,
)
from attrgen.command import run

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
