"""`vr sweep` on the command line: parse, call, print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from attrgen.core.shell import command
from vr.cli import options_sweep as own
from vr.cli import values

if TYPE_CHECKING:
    from vr.runs.grid import Grid
    from vr.training.sweep import Cell, Launcher, Outcome

COMMON = ("data", "preset", "backbone", "weights", "device", "precision", "select", "runs")
_SHOWN = 3  # names of failed cells for one reason


def sweep(
    context: typer.Context,
    recipe: own.Recipe = None,
    datasets: own.Datasets = "",
    data: own.Data = None,
    methods: own.Methods = "",
    shots: own.Shots = "",
    seeds: own.Seeds = "",
    folds: own.Folds = None,
    preset: own.Preset = None,
    epochs: own.Epochs = None,
    select: own.SelectOption = None,
    oracle: own.Oracle = False,
    backbone: own.Backbone = None,
    weights: own.Weights = None,
    device: own.Device = None,
    precision: own.ComputeIn = None,
    runs: own.Runs = None,
    jobs: own.Jobs = None,
    on: own.On = "local",
    gpus_per_job: own.GpusPerJob = None,
    slurm: own.Slurm = None,
    retry: own.Retry = False,
    dry_run: own.DryRun = False,
    status: own.ShowStatus = False,
) -> None:
    """Train a grid of datasets, methods, shots and seeds.

    Finished cells are skipped, stopped ones continue, wherever they run: on this machine, on Ray or on Slurm.
    Exit status 1 if a cell failed.
    """
    from vr.runs import grid
    from vr.training import sweep as sweeps

    _check_engine(on, gpus_per_job, slurm)
    changes = _changes(context.params)
    asked = grid.build({}, changes) if recipe is None else grid.load(recipe, changes)
    cells = sweeps.inspect_all(asked.cells())
    if status:
        _show_status(cells)
        return
    _list(cells, all_of_them=dry_run, failed=not retry)
    if dry_run:
        return
    if on == "slurm":
        _submit(cells, slurm, retry=retry)
        return
    outcomes = _run(cells, launcher=_launcher(on, jobs, gpus_per_job), retry=retry)
    _end(cells, outcomes, asked, retry=retry)


def _end(cells: Sequence[Cell], outcomes: Sequence[Outcome], asked: Grid, *, retry: bool) -> None:
    """Print what came out, and end with the exit status."""
    failed = sum(bool(outcome.error) for outcome in outcomes)
    skipped = 0 if retry else sum(cell.state == "failed" for cell in cells)
    done = len(outcomes) - failed
    again = " (--retry runs them again)" if failed + skipped else ""
    some = done or any(cell.state == "finished" for cell in cells)
    compare = f" Next: {command('vr', 'table', asked.common.get('runs', 'runs'))}" if some else ""
    typer.echo(f"{done} cells done, {failed + skipped} failed{again}.{compare}")
    raise typer.Exit(1 if failed or skipped else 0)


def _check_engine(on: str, gpus_per_job: float | None, slurm: Path | None) -> None:
    """Check that options of one engine are not given to another."""
    from attrgen.core.errors import UserError

    if on not in ("local", "slurm", "ray") and not on.startswith("ray://"):
        raise UserError(
            f"--on {on} is unknown",
            code="sweep-unknown-launcher",
            remedy="Use local, ray, ray://HOST:10001 or slurm.",
        )
    for option, value, engine in (("--gpus-per-job", gpus_per_job, "ray"), ("--slurm", slurm, "slurm")):
        if value is not None and not on.startswith(engine):
            raise UserError(
                f"{option} {value} is of no use without --on {engine}",
                code="option-needs-another",
                remedy=f"Add --on {engine}, or leave out {option}.",
            )


def _changes(flags: Mapping[str, Any]) -> dict[str, Any]:
    common = values.given(**{key: flags[key] for key in COMMON})
    if flags["oracle"]:
        common["oracle"] = True
    if flags["epochs"] is not None:
        common["recipe"] = {"epochs": flags["epochs"]}
    words = {key: list(values.names(flags[key])) for key in ("datasets", "methods")}
    numbers = {key: list(values.numbers(flags[key], key)) for key in ("shots", "seeds")}
    lists = {key: value for key, value in (words | numbers).items() if value}
    return lists | values.given(folds=flags["folds"]) | {"common": common}


def _list(cells: Sequence[Cell], *, all_of_them: bool, failed: bool) -> None:
    counts = {state: sum(cell.state == state for cell in cells) for state in ("finished", "failed")}
    typer.echo(f"{len(cells)} cells, {counts['finished']} finished already, {counts['failed']} failed")
    for cell in cells if all_of_them else ():
        if cell.state != "failed":
            path = "" if cell.path == Path() else f", {cell.path}"
            typer.echo(f"{cell.state:<10} {_name(cell)}{path}")
    if all_of_them or failed:
        for line in grouped((_name(cell), cell.reason) for cell in cells if cell.state == "failed"):
            typer.echo(f"failed     {line}")


def _name(cell: Cell) -> str:
    return f"{cell.asked.method} on {cell.asked.dataset}"


def grouped(failures: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A line per reason, with the names (first of each pair) of what failed for it, each name once."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in failures:
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        distinct = list(dict.fromkeys(names))
        shown = ", ".join(distinct[:_SHOWN]) + (", …" if len(distinct) > _SHOWN else "")
        cells = f" ({len(names)} cells)" if len(names) > 1 else ""
        yield f"{shown}{cells}: {reason}"


def _launcher(on: str, jobs: int | None, gpus_per_job: float | None) -> Launcher:
    from vr.training.sweep import Local
    from vr.training.sweep.on_ray import OnRay

    if on == "local":
        return Local(jobs or 1)
    return OnRay(None if on == "ray" else on, jobs, gpus_per_job, _say)


def _run(cells: Sequence[Cell], *, launcher: Launcher, retry: bool) -> list[Outcome]:
    from vr.runtime.progress import sweep_bar
    from vr.training import sweep as sweeps
    from vr.training.sweep.cell import is_to_run

    with sweep_bar(sum(is_to_run(cell, retry) for cell in cells)) as advance:
        outcomes = sweeps.sweep(
            cells,
            launcher=launcher,
            retry=retry,
            on_outcome=lambda outcome: advance(outcome.cell.name, outcome.error),
            say=_say,
        )
    for line in grouped((str(outcome.cell.path), outcome.error) for outcome in outcomes if outcome.error):
        typer.echo(f"failed: {line}")
    return outcomes


def _submit(cells: Sequence[Cell], file: Path | None, *, retry: bool) -> None:
    from vr.training.sweep import slurm
    from vr.training.sweep.cell import ERROR, is_to_run

    slurm.require_slurm()
    settings = slurm.read_settings(file)
    to_run = [cell for cell in cells if is_to_run(cell, retry)]
    if not to_run:
        typer.echo("nothing to submit")
        return
    for cell in to_run:
        (cell.path / ERROR).unlink(missing_ok=True)
    submission = slurm.submit(to_run, settings)
    typer.echo(
        f"job {submission.job}: {len(to_run)} cells in {submission.tasks} tasks; script and logs in "
        f"{submission.folder}. The same command with --status shows how far it is"
    )


def _show_status(cells: Sequence[Cell]) -> None:
    from vr.training.sweep.status import status

    seen = status(cells)
    for line in seen.lines():
        typer.echo(line)
    for line in grouped((cell.name, cell.reason) for cell in seen.failed):
        typer.echo(f"failed     {line}")


def _say(line: str) -> None:
    typer.echo(line, err=True)
