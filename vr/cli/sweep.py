"""`vr sweep`, `vr table` and `vr curve` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vr.cli import options

Roots = Annotated[list[Path] | None, typer.Argument(help="Folders with runs.  [default: runs]")]
Metric = Annotated[
    str, typer.Option(help="accuracy, balanced_accuracy, macro_f1, auroc, ece, nll or oracle.")
]


def sweep(
    recipe: Annotated[
        str | None, typer.Argument(help="table1, fewshot-curve, ablations, natural, or a TOML file.")
    ] = None,
    datasets: Annotated[str, typer.Option(help="Cards or collections, with commas between.")] = "",
    methods: Annotated[str, typer.Option(help="Methods, with commas between.")] = "",
    shots: Annotated[str, typer.Option(help="Numbers of shots, with commas between.")] = "",
    seeds: Annotated[str, typer.Option(help="Seeds, with commas between.")] = "",
    preset: Annotated[
        str | None, typer.Option(help="Of every method, unless the recipe says another.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=0, help="One budget for all.")] = None,
    backbone: Annotated[str | None, typer.Option()] = None,
    weights: Annotated[str | None, typer.Option()] = None,
    device: Annotated[str | None, typer.Option()] = None,
    precision: Annotated[str | None, typer.Option()] = None,
    select: Annotated[str | None, typer.Option(help="last or val.")] = None,
    oracle: Annotated[bool, typer.Option("--oracle", help="Note the test-selected accuracy too.")] = False,
    runs: Annotated[Path | None, typer.Option(help="Where run directories go.  [default: runs]")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Cells at once, each on a GPU of its own.")] = 1,
    retry: Annotated[bool, typer.Option("--retry", help="Run broken cells again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the cells and their state.")] = False,
) -> None:
    """Run a grid of experiments; the finished are left, the stopped go on. Exit 1 if a cell broke."""
    from vr.runs import grid
    from vr.runtime.progress import sweep_bar
    from vr.training import sweep as sweeps

    common: dict[str, Any] = options.given(
        preset=preset,
        backbone=backbone,
        weights=weights,
        device=device,
        precision=precision,
        select=select,
        runs=runs,
        oracle=oracle or None,
        recipe=options.given(epochs=epochs) or None,
    )
    changes: dict[str, Any] = {
        key: values
        for key, values in (("datasets", options.names(datasets)), ("methods", options.names(methods)))
        if values
    }
    changes |= {
        key: options.numbers(words, key) for key, words in (("shots", shots), ("seeds", seeds)) if words
    }
    changes = {key: list(values) for key, values in changes.items()} | {"common": common}
    asked = grid.build({}, changes) if recipe is None else grid.load(recipe, changes)
    cells = [sweeps.look(cell) for cell in asked.cells()]
    counts = {state: sum(cell.state == state for cell in cells) for state in ("finished", "broken")}
    typer.echo(f"{len(cells)} cells, {counts['finished']} finished already, {counts['broken']} broken")
    for cell in cells:
        if dry_run or (cell.state == "broken" and not retry):
            where = "" if cell.path == Path() else f", {cell.path}"
            why = f": {cell.why}" if cell.why else ""
            typer.echo(f"{cell.state:<10} {cell.asked.method} on {cell.asked.dataset}{where}{why}")
    if dry_run:
        return
    todo = len(cells) - counts["finished"] - (0 if retry else counts["broken"])
    with sweep_bar(todo) as advance:
        outcomes = sweeps.sweep(cells, jobs=jobs, retry=retry, on_outcome=lambda each: advance(each.error))
    broken = [outcome for outcome in outcomes if outcome.error]
    for outcome in broken:
        typer.echo(f"broken: {outcome.cell.path}: {outcome.error}")
    left = [] if retry else [cell for cell in cells if cell.state == "broken"]
    done = len(outcomes) - len(broken)
    typer.echo(f"{done} cells done, {len(broken) + len(left)} broken. Look: vr table")
    raise typer.Exit(1 if broken or left else 0)


def table(
    roots: Roots = None,
    metric: Metric = "accuracy",
    baseline: Annotated[str | None, typer.Option(help="A row: paired differences from it.")] = None,
    published: Annotated[bool, typer.Option("--published", help="The published numbers beside.")] = False,
    form: Annotated[str | None, typer.Option("--form", help="md, csv or latex.")] = None,
    out: Annotated[Path | None, typer.Option(help="A .md, .csv or .tex file.  [default: print]")] = None,
) -> None:
    """Methods against datasets over all finished runs: mean, spread, differences; gaps are told."""
    from attrgen.core.files import write_text
    from vr.report.comparison import results
    from vr.report.comparison import table as tables

    made = tables.make_tables(
        results.find(roots or [Path("runs")]),
        metric=metric,
        baseline=baseline,
        published=tables.read_published() if published else None,
    )
    text = tables.write_by_suffix(made, out, form)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
        typer.echo(f"written: {out}")


def curve(
    out: Annotated[Path, typer.Option(help="A .png, .svg or .pdf file.")],
    roots: Roots = None,
    metric: Metric = "accuracy",
) -> None:
    """Accuracy against the number of shots, with the spread over seeds, as a picture."""
    from vr.report.comparison import curve as curves
    from vr.report.comparison import results

    curves.draw(results.find(roots or [Path("runs")]), out, metric=metric)
    typer.echo(f"written: {out}")
