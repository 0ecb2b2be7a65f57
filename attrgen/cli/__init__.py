"""The `attrgen` command line: parse, call, print."""

from __future__ import annotations

from attrgen.cli import adapt as adapt_cli
from attrgen.cli import build as build_cli
from attrgen.cli import cache as cache_cli
from attrgen.cli import check as check_cli
from attrgen.cli import cite as cite_cli
from attrgen.cli import diff as diff_cli
from attrgen.cli import doctor as doctor_cli
from attrgen.cli import edit as edit_cli
from attrgen.cli import export as export_cli
from attrgen.cli import hub as hub_cli
from attrgen.cli import import_ as import_cli
from attrgen.cli import merge as merge_cli
from attrgen.cli import prompts as prompts_cli
from attrgen.cli import schema as schema_cli
from attrgen.cli import serve as serve_cli
from attrgen.cli import show as show_cli
from attrgen.cli import status as status_cli
from attrgen.core.command import add_command, application, run

HELP = """\
Write, check, edit and share attribute sets.

An attribute set is a JSON file with short texts on what the images of each class look like. An LLM writes
it from the class names, or it is copied from the curated library; people correct it; `vr train` reads it.
"""
WRITE, CHECK, SHARE, SUPPORT = (
    "Write",
    "Check and correct",
    "Exchange and cite",
    "Servers, cache, prompts and schema",
)
SET = "attrs/ct-kidney.json"

app = application(HELP)
add_command(
    app,
    "build",
    build_cli.build,
    "attrgen build --dataset ct-kidney",
    "attrgen build --dataset ct-kidney --base-url http://localhost:8000/v1 --model MODEL",
    "attrgen build --dataset ct-kidney --refresh 'kidney cyst/descriptive'",
    group=WRITE,
)
add_command(
    app,
    "edit",
    edit_cli.edit,
    "attrgen edit 'kidney cyst' --dataset ct-kidney",
    group=WRITE,
)
add_command(app, "serve", serve_cli.serve, f"attrgen serve {SET}", group=WRITE)
add_command(app, "merge", merge_cli.merge, f"attrgen merge {SET} other.json --out merged.json", group=WRITE)
add_command(app, "check", check_cli.check, f"attrgen check {SET}", f"attrgen check --fix {SET}", group=CHECK)
add_command(
    app, "show", show_cli.show, f"attrgen show {SET}", f"attrgen show {SET} 'kidney cyst'", group=CHECK
)
add_command(app, "status", status_cli.status, f"attrgen status {SET}", group=CHECK)
add_command(app, "diff", diff_cli.diff, f"attrgen diff old.json {SET}", group=CHECK)
add_command(
    app,
    "import",
    import_cli.import_,
    "attrgen import busi_des.json busi_dist.json busi_confuse.json --dataset busi",
    group=SHARE,
)
add_command(
    app, "export", export_cli.export, f"attrgen export {SET} --to biomedvr --out published", group=SHARE
)
add_command(app, "adapt", adapt_cli.adapt, f"attrgen adapt {SET} --dataset card.toml", group=SHARE)
add_command(app, "push", hub_cli.push, f"attrgen push {SET} OWNER/NAME", group=SHARE)
add_command(
    app, "pull", hub_cli.pull, "attrgen pull OWNER/NAME", "attrgen pull OWNER/NAME --id 1a2b3c4d", group=SHARE
)
add_command(app, "cite", cite_cli.cite, f"attrgen cite {SET}", group=SHARE)
add_command(app, "schema", schema_cli.schema, "attrgen schema > attribute-set.schema.json", group=SUPPORT)
add_command(
    app,
    "doctor",
    doctor_cli.doctor,
    "attrgen doctor --base-url http://localhost:8000/v1 --model MODEL",
    group=SUPPORT,
)
app.add_typer(prompts_cli.app, name="prompts", rich_help_panel=SUPPORT)
app.add_typer(cache_cli.app, name="cache", rich_help_panel=SUPPORT)


def main() -> None:
    """Entry point of `attrgen`."""
    run(app)
