"""What a table shows, in sentences: its caption, and which differences are beyond chance."""

from __future__ import annotations

from collections.abc import Iterable

from vr.evaluation.metrics import find_metric
from vr.report.captions import counted
from vr.report.comparison.table import SIGNIFICANT, Table, TableCell


def caption(table: Table) -> str:
    """What the table shows, in a sentence or two."""
    metric = find_metric(table.metric)
    unit = ", %" if metric.percent else ""
    title = metric.title if table.dataset is None else f"{metric.by_class} by class of {table.dataset}"
    text = (
        f"{title}{unit}, {counted(table.shots, 'shot')}, {table.backbone}: {_averaged(table.cells.values())}."
    )
    return " ".join([text, *_tuned(table), *_compared(table), *_ranked(table)])


def verdicts(table: Table) -> list[str]:
    """Which rows differ from the baseline beyond chance, a sentence each for better and worse; then the rest.

    Before them the rows that cannot be compared. Empty where there is neither.
    """
    lines = _other_images(table)
    compared = [cell for cell in table.cells.values() if cell.difference is not None]
    if not compared:
        return lines
    for verdict, word in ((1, "Better"), (-1, "Worse")):
        where = {row: columns for row in table.rows if (columns := _where(table, row, verdict))}
        alone = len(table.columns) == 1
        rows = [row if alone else f"{row} ({', '.join(columns)})" for row, columns in where.items()]
        lines.append(f"{word} than {table.baseline} beyond chance: {', '.join(rows) or 'none'}.")
    rest = sum(cell.verdict == 0 for cell in compared)
    if rest:
        lines.append(f"{counted(rest, 'difference')} may be chance.")
    return lines


def _other_images(table: Table) -> list[str]:
    """The rows that were measured on other test images."""
    rows = [row for row in table.rows if any(_is_apart(table, row, column) for column in table.columns)]
    if not rows:
        return []
    others = "the others" if table.baseline is None else table.baseline
    return [
        f"Measured on other test images than {others} (another split, other groups, or --limit), so not "
        f"compared: {', '.join(rows)}."
    ]


def _is_apart(table: Table, row: str, column: str) -> bool:
    cell = table.cells.get((row, column))
    return cell is not None and cell.other_images


def _where(table: Table, row: str, verdict: int) -> list[str]:
    """The columns in which a row has that verdict."""
    cells = [(column, table.cells.get((row, column))) for column in table.columns]
    return [column for column, cell in cells if cell is not None and cell.verdict == verdict]


def _compared(table: Table) -> list[str]:
    """How differences are tested, in a sentence; nothing where there are none."""
    differences = [cell.difference for cell in table.cells.values() if cell.difference is not None]
    if not differences:
        return []
    grouped = {difference.groups is not None for difference in differences}
    units = {frozenset({True}): "groups of images", frozenset({False}): "images"}.get(
        frozenset(grouped), "images, or groups of them where they are known"
    )
    if any(difference.seeds > 1 for difference in differences):
        test = f"a paired test over {units} and seeds"
    else:
        test = f"a permutation test over {units}" if True in grouped else "McNemar's test"
    text = (
        f"In brackets: difference from {table.baseline} on the same images, "
        f"95% bootstrap interval over {units}; * p < {SIGNIFICANT} in {test}"
    )
    tests = len(differences)
    return [f"{text}, after Holm's correction for {tests} tests." if tests > 1 else f"{text}."]


def _tuned(table: Table) -> list[str]:
    if not any(" tuned=" in row for row in table.rows):
        return []
    return ["Rows with tuned=N chose their settings in N trials on training and validation images."]


def _ranked(table: Table) -> list[str]:
    if len(table.columns) < 2 or table.dataset is not None or not table.ranks():
        return []
    complete = len(table.ranks())
    of_rows = f"the {complete} rows without missing cells" if complete < len(table.rows) else "all rows"
    if complete == 1 < len(table.rows):
        of_rows = "the only row without missing cells"
    return [f"Rank: mean over datasets among {of_rows}; 1 is best."]


def _averaged(cells: Iterable[TableCell]) -> str:
    """What a number is: a mean with its deviation, or the value of one run."""
    measured = list(cells)
    if any(cell.spread is not None and cell.spread.std is not None for cell in measured):
        return f"mean ± standard deviation over {_runs(measured)}"
    return f"one run each, of {_runs(measured)}"


def _runs(cells: Iterable[TableCell]) -> str:
    """What means and deviations are over: `3 seeds`, `5 folds`, `3 seeds of 5 folds`."""
    measured = [cell for cell in cells if cell.spread is not None]
    seeds = {cell.spread.seeds for cell in measured if cell.spread is not None}
    folds = {cell.folds for cell in measured}
    if folds <= {None}:
        return _seeds(seeds)
    of_folds = " or ".join(f"{number} folds" for number in sorted(number for number in folds if number))
    if None in folds:
        return f"{_seeds(seeds)} (rows with folds: over {of_folds} of each seed)"
    return of_folds if seeds == {1} else f"{_seeds(seeds)} of {of_folds}"


def _seeds(numbers: set[int]) -> str:
    if not numbers:
        return "no seeds"
    least, most = min(numbers), max(numbers)
    return counted(most, "seed") if least == most else f"{least} to {most} seeds"
