"""`vr controls` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vr.cli import options, values
from vr.cli import options_train as training

if TYPE_CHECKING:
    from vr.explanation.controls.measurement import Measured
    from vr.training.studies.controls import Plan

CONTROLS = "Controls"


Method = Annotated[str, options.option(training.METHOD, "A method that reads attributes.")]
Only = Annotated[str, options.option(CONTROLS, "Only these controls, separated by commas.", default="all")]
Jobs = Annotated[int, options.option(CONTROLS, "Cells at the same time.", min=1)]
DryRun = Annotated[bool, options.option(CONTROLS, "Only list the cells and their state.", "--dry-run")]
Table = Annotated[
    Path | None, options.option(options.OUTPUT, "A .md or .csv file.", "--out", default="printed")
]
Plot = Annotated[
    Path | None, options.option(options.OUTPUT, "A .png, .svg or .pdf file.", default="not drawn")
]


def controls(
    context: typer.Context,
    attrs: options.Attributes = None,
    dataset: options.Dataset = None,
    data: options.Data = None,
    data_format: options.Format = None,
    classes: options.Classes = "",
    shots: options.Shots = 16,
    seeds: Annotated[str, options.option(options.SAMPLE, "Seeds, separated by commas.")] = "1,2,3",
    method: Method = "biomedvr",
    preset: training.Preset = "default",
    set_: training.Set = None,
    epochs: training.Epochs = None,
    only: Only = "",
    jobs: Jobs = 1,
    dry_run: DryRun = False,
    backbone: options.Backbone = "ViT-B-16-quickgelu",
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.ComputeIn = options.Precision.auto,
    runs: Annotated[Path, options.option(options.OUTPUT, "Folder of the run directories.")] = Path("runs"),
    table: Table = None,
    plot: Plot = None,
    as_json: options.AsJson = False,
) -> None:
    """Train with control texts: how much the sentences matter.

    The method is trained with the attributes as written, with class names only, and with texts that say less
    or nothing: shuffled between classes, random words, paraphrased names, fewer texts. Finished cells are
    skipped. The last line says how much of the gain is due to what the sentences say.
    """
    from vr.report.comparison import controls as shown
    from vr.training.studies import controls as runner

    shown.check_plot(plot)
    asked = values.experiment(context.params, set_ or ())
    chosen = values.numbers(seeds, "seeds") or (1,)
    planned = runner.plan(asked, chosen, values.names(only), lambda line: typer.echo(line, err=True))
    if dry_run:
        _list(planned)
        return
    failed = _train(planned, jobs)
    measured = runner.collect(planned)
    _show(measured, table, as_json)
    if plot is not None:
        shown.draw(measured, plot)
        typer.echo(f"written: {plot}", err=True)
    raise typer.Exit(1 if failed else 0)


def _list(planned: Plan) -> None:
    for (name, seed), cell in planned.cells.items():
        typer.echo(f"{cell.state:<10} {name}, seed {seed}, {cell.path}")


def _train(planned: Plan, jobs: int) -> int:
    """Train the cells that are not finished; how many failed."""
    from vr.runtime.progress import sweep_bar
    from vr.training.sweep import sweep

    cells = list(planned.cells.values())
    with sweep_bar(sum(cell.state != "finished" for cell in cells)) as advance:
        outcomes = sweep(
            cells,
            jobs=jobs,
            retry=True,
            on_outcome=lambda outcome: advance(outcome.cell.name, outcome.error),
        )
    errors = {outcome.cell.path: outcome.error for outcome in outcomes if outcome.error}
    errors |= {cell.path: cell.reason for cell in cells if cell.state == "failed" and not cell.path.name}
    for path, error in errors.items():
        typer.echo(f"failed: {path}: {error}", err=True)
    return len(errors)


def _show(measured: Measured, out: Path | None, as_json: bool) -> None:
    import json

    from attrgen.core.files import write_text
    from vr.explanation.controls import table as rows
    from vr.report.comparison import controls as shown

    if out is not None:
        write_text(out, (shown.to_csv if out.suffix == ".csv" else shown.to_markdown)(measured))
        typer.echo(f"written: {out}", err=True)
    if as_json:
        typer.echo(json.dumps(rows.as_json(measured), indent=2, ensure_ascii=False))
    else:
        rows.show(measured)
