"""`vr mine` on the command line: parse, call, print."""

from __future__ import annotations

from typing import Annotated

import typer

from vr.cli import options

MINING = "Mining"


def mine(
    run_directory: options.RunDirectory,
    attrgen: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- OPTION...]",
            help="More options of `attrgen build`, after --: `-- --model NAME`.",
            show_default="none",
        ),
    ] = None,
    rounds: Annotated[int, options.option(MINING, "Most rounds.", min=1)] = 3,
    pairs: Annotated[
        int, options.option(MINING, "Pairs of classes that get new texts in a round.", min=1)
    ] = 3,
    data: options.RunData = None,
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
) -> None:
    """Ask for new texts of the classes that a run confuses.

    Counts the run's mistakes on the validation images, has an LLM write the confusion texts of the worst
    pairs anew, trains again, and stops when validation no longer improves. The same command continues what
    was stopped. The test images choose nothing.
    """
    from attrgen.core.shell import command
    from vr.runs import run as runs

    runs.trained_config(run_directory)  # before torch is loaded

    from vr.training.studies.mining import Miner

    loading: dict[str, str | None] = {"backbone": backbone, "weights": weights, "device": device}
    miner = Miner(run_directory, pairs, data, attrgen or (), loading, typer.echo)
    mined = miner.mine(rounds)
    typer.echo(f"stopped: {mined.reason}")
    if mined.best == run_directory:
        typer.echo("the run as it was is the best on validation")
    else:
        typer.echo(f"best on validation: {mined.best}")
        typer.echo(f"next: {command('vr', 'compare', run_directory, mined.best)}")
