"""`vr table`: methods against datasets, mean and spread over seeds, and paired differences from a baseline.

Published numbers are shown as a reference and never mixed with measured ones.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from attrgen.core.files import read_text
from attrgen.core.resources import resource
from vr.evaluation.metrics import find_metric
from vr.evaluation.significance import holm
from vr.evaluation.statistics import Difference, Spread, accuracy_interval, paired, spread
from vr.report.comparison.naming import find_label
from vr.report.comparison.results import Key, Result, by_seed, folds_of, grouped
from vr.runs.predictions import Predictions

SIGNIFICANT = 0.05
BASELINE = "linear-probe"  # which no table of methods may lack


@dataclass(frozen=True)
class TableCell:
    """One method on one dataset.

    Attributes:
        interval: 95% interval of the mean accuracy over images.
        difference: from the baseline on the same images.
        p: of the difference, adjusted for the number of differences in the table (Holm).
        folds: of the cross-validation; None where there is none.
        other_images: whether its test images are not those of the baseline, or of all of its own runs.
    """

    key: Key
    spread: Spread | None
    interval: tuple[float, float] | None
    difference: Difference | None
    p: float | None = None
    folds: int | None = None
    other_images: bool = False

    @property
    def verdict(self) -> int:
        """1 where it is better than the baseline beyond chance, -1 where it is worse, else 0."""
        if self.difference is None or self.p is None or self.p >= SIGNIFICANT:
            return 0
        return 1 if self.difference.mean > 0 else -1


@dataclass(frozen=True)
class Table:
    """All cells of one backbone and number of shots; `rows` are methods, `columns` datasets.

    Attributes:
        published: reference accuracies in [0, 1] by method and dataset.
        dataset: whose classes the columns are, in a table by class.
    """

    backbone: str
    shots: int
    metric: str
    baseline: str | None
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], TableCell]
    published: Mapping[tuple[str, str], float]
    dataset: str | None = None

    def ranks(self) -> dict[str, float]:
        """Mean rank over the columns, 1 is best, of the rows that have a value in every column.

        Rows with equal values share the mean of their ranks.
        """
        complete = {row: means for row in self.rows if None not in (means := self.means(row))}
        if not complete:
            return {}
        from scipy.stats import rankdata

        values = np.array(list(complete.values()), dtype=float)
        signed = -values if find_metric(self.metric).higher_is_better else values
        return dict(zip(complete, rankdata(signed, axis=0).mean(1).tolist(), strict=True))

    def means(self, row: str) -> list[float | None]:
        """The values of a row by column; None where one is missing."""
        cells = [self.cells.get((row, column)) for column in self.columns]
        return [None if cell is None or cell.spread is None else cell.spread.mean for cell in cells]


def default_baseline(results: Sequence[Result]) -> str | None:
    """The linear probe, where it is one of several rows with its default settings."""
    labels = {result.label for result in results}
    return BASELINE if BASELINE in labels and len(labels) > 1 else None


def make_tables(
    results: Sequence[Result],
    *,
    metric: str = "accuracy",
    baseline: str | None = None,
    published: Mapping[tuple[str, str], float] | None = None,
) -> list[Table]:
    """A table for every backbone and number of shots.

    Args:
        metric: a key of `vr.evaluation.metrics.COMPARED`; `oracle` is the test-selected accuracy of runs
            that recorded it.
        baseline: a row's label, or its method if only one row has it; every other row gets its paired
            difference in accuracy from it.
        published: reference accuracies in [0, 1] by method and dataset.

    Raises:
        UserError: an unknown metric or baseline, two runs of one cell and seed, or damaged predictions.
    """
    find_metric(metric)
    cells = grouped(results)
    if baseline is not None:
        baseline = find_label(sorted({key.label for key in cells}), baseline)
    settings = dict.fromkeys((key.backbone, key.shots) for key in sorted(cells))
    return [
        _table(
            {key: runs for key, runs in cells.items() if (key.backbone, key.shots) == setting},
            metric,
            baseline,
            published or {},
        )
        for setting in settings
    ]


def read_published(name: str = "16-shot-vit-b-16") -> dict[tuple[str, str], float]:
    """Published accuracies, `data/published/NAME.csv`, in [0, 1] by method and dataset."""
    rows = csv.DictReader(
        io.StringIO(read_text(resource("data", "published", f"{name}.csv"), what="published table"))
    )
    return {(row["method"], row["dataset"]): float(row["accuracy"]) / 100 for row in rows}


def _table(
    cells: Mapping[Key, list[Result]],
    metric: str,
    baseline: str | None,
    published: Mapping[tuple[str, str], float],
) -> Table:
    """The table of cells of one backbone and number of shots."""
    first = next(iter(cells))
    made = _adjusted({(key.label, key.dataset): _cell(key, cells, metric, baseline) for key in cells})
    return Table(
        backbone=first.backbone,
        shots=first.shots,
        metric=metric,
        baseline=baseline,
        rows=tuple(sorted({key.label for key in cells}, key=method_order)),
        columns=tuple(sorted({key.dataset for key in cells})),
        cells=made,
        published=dict(published),
    )


def _cell(key: Key, cells: Mapping[Key, list[Result]], metric: str, baseline: str | None) -> TableCell:
    runs = cells[key]
    valued = [(run.config.seed, value) for run in runs if (value := run.value(metric)) is not None]
    over_runs = spread([value for _, value in valued], len({seed for seed, _ in valued})) if valued else None
    cell = TableCell(key, over_runs, None, None, folds=folds_of(runs))
    if metric != "accuracy":
        return cell
    ours = by_seed(runs)
    if not _same_images(ours):
        return replace(cell, other_images=True)
    cell = replace(cell, interval=accuracy_interval(list(ours.values())) if ours else None)
    reference = cells.get(Key(key.backbone, key.shots, key.dataset, baseline or ""))
    if reference is None or key.label == baseline or folds_of(reference) != cell.folds:
        return cell
    theirs = by_seed(reference)
    if not _same_images(ours, theirs):
        return replace(cell, other_images=True)
    return replace(cell, difference=_difference(ours, theirs))


def _same_images(*runs: Mapping[int, Predictions]) -> bool:
    """Whether all of them scored the same test images."""
    return len({frozenset(of_seed.paths) for of_row in runs for of_seed in of_row.values()}) <= 1


def _difference(method: Mapping[int, Predictions], reference: Mapping[int, Predictions]) -> Difference | None:
    """The paired difference over the seeds that both have; None if there is no such seed."""
    seeds = [seed for seed in method if seed in reference]
    if not seeds:
        return None
    return paired([method[seed] for seed in seeds], [reference[seed] for seed in seeds])


def _adjusted(cells: Mapping[tuple[str, str], TableCell]) -> dict[tuple[str, str], TableCell]:
    """The cells with p-values adjusted for the number of differences."""
    compared = [position for position, cell in cells.items() if cell.difference is not None]
    differences = [cells[position].difference for position in compared]
    adjusted = holm([difference.p for difference in differences if difference is not None])
    return {**cells, **{at: replace(cells[at], p=p) for at, p in zip(compared, adjusted, strict=True)}}


def method_order(label: str) -> tuple[int, str]:
    """The place of a row in a table, from its label."""
    from vr.methods import built_in_declarations

    name, methods = label.split()[0], list(built_in_declarations())
    return (methods.index(name) if name in methods else len(methods), label)
