"""`vr card` and `vr push` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options
from vr.cli.shared_options import RunDirectory


def card(
    run_directory: RunDirectory,
    out: Annotated[Path | None, typer.Option(help="Where to write it; - prints it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a card that is there.")] = False,
) -> None:
    """Write a model card: data and licence, metrics with intervals, limits, how to cite.

    It goes to RUN/README.md unless --out says otherwise.
    """
    from attrgen.core.files import write_text
    from vr.report.model_card import CARD, model_card, read_facts

    path = out or run_directory / CARD
    if path == Path("-"):
        typer.echo(model_card(read_facts(run_directory)), nl=False)
        return
    if not force:
        options.check_free(path)
    write_text(path, model_card(read_facts(run_directory)))
    typer.echo(f"written: {path}")


def push(
    run_directory: RunDirectory,
    repository: Annotated[str, typer.Argument(metavar="REPO", help="OWNER/NAME on the Hugging Face hub.")],
    public: Annotated[
        bool, typer.Option("--public/--private", help="Who may read a repository that is made.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Also send report.html, which shows images of the collection.")
    ] = False,
    predictions: Annotated[
        bool, typer.Option("--predictions/--no-predictions", help="Send the scores, with names of images.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
) -> None:
    """Send a run's small files and its card to the Hugging Face hub, in one commit.

    Paths of this machine are cut out of them. fewshot.json and predictions.csv name images of the
    collection: see --dry-run before you publish data of patients.
    """
    from vr.report import push as pushing

    if dry_run:
        files = pushing.files_to_push(run_directory, report=report, predictions=predictions)
        for line in ["would be sent:", *pushing.listing(files)]:
            typer.echo(line)
        return
    address = pushing.push(
        run_directory, repository, public=public, report=report, predictions=predictions, say=typer.echo
    )
    typer.echo(f"pushed: {address}")
