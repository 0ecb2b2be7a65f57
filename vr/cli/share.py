"""`vr card` and `vr push` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options, values

CONTENT = "What is sent"


def card(
    run_directory: options.RunDirectory,
    out: Annotated[
        Path | None, options.option(options.OUTPUT, "The file; - prints it.", default="RUN/README.md")
    ] = None,
    force: options.Force = False,
) -> None:
    """Write a model card.

    It states data and licence, metrics with intervals, limits, and how to cite.
    """
    from attrgen.core.files import write_text
    from vr.runs import run as runs

    runs.measured_config(run_directory)  # before torch is loaded

    from vr.report.model_card import CARD, model_card
    from vr.report.run_facts import read_facts

    path = out or run_directory / CARD
    if path == Path("-"):
        typer.echo(model_card(read_facts(run_directory)), nl=False)
        return
    if not force:
        values.check_free(path, remedy="Choose another path with --out, or overwrite it with --force.")
    write_text(path, model_card(read_facts(run_directory)))
    typer.echo(f"written: {path}")


def push(
    run_directory: options.RunDirectory,
    repository: Annotated[str, typer.Argument(metavar="REPO", help="OWNER/NAME on the Hugging Face hub.")],
    public: Annotated[
        bool, options.option(CONTENT, "Who can read a repository that is created.", "--public/--private")
    ] = False,
    report: Annotated[
        bool,
        options.option(CONTENT, "Also send report.html, which shows images of the collection.", "--report"),
    ] = False,
    predictions: Annotated[
        bool,
        options.option(CONTENT, "Send the scores, with names of images.", "--predictions/--no-predictions"),
    ] = True,
    dry_run: Annotated[bool, options.option(CONTENT, "Only list what would be sent.", "--dry-run")] = False,
) -> None:
    """Upload a run to the Hugging Face hub.

    Its small files and model card are sent in one commit. Paths of this machine are removed from them.
    fewshot.json and predictions.csv name images of the collection: use --dry-run before you publish data of
    patients.
    """
    from vr.runs import run as runs

    runs.measured_config(run_directory)  # before torch is loaded

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
