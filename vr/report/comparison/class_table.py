"""`vr table --per-class`: methods against the classes of one dataset."""

from __future__ import annotations

from collections.abc import Sequence

from attrgen.core.errors import UserError
from vr.evaluation.metrics import COMPARED, find_metric, read_class_metric
from vr.evaluation.statistics import spread
from vr.report.comparison.results import Key, Result, folds_of, grouped
from vr.report.comparison.table import Table, TableCell, method_order


def make_class_tables(results: Sequence[Result], *, metric: str = "accuracy") -> list[Table]:
    """A table for every dataset, backbone and number of shots; its columns are classes in label order.

    Args:
        metric: a key of `vr.evaluation.metrics.COMPARED` that has a number per class; of accuracy that is
            the sensitivity, the accuracy on the images of the class.

    Raises:
        UserError: an unknown metric, one without a number per class, or two runs of one cell and seed.
    """
    key = find_metric(metric).by_class
    if key is None:
        raise UserError(
            f"{metric} has no value per class",
            code="table-metric-not-per-class",
            remedy=f"Take one of: {', '.join(name for name, entry in COMPARED.items() if entry.by_class)}.",
        )
    settings: dict[tuple[str, str, int, tuple[str, ...]], dict[Key, list[Result]]] = {}
    for cell, runs in sorted(grouped(results).items()):
        classes = runs[0].config.card.class_names
        settings.setdefault((cell.dataset, cell.backbone, cell.shots, classes), {})[cell] = runs
    return [
        Table(
            backbone=backbone,
            shots=shots,
            metric=metric,
            baseline=None,
            rows=tuple(sorted({cell.label for cell in cells}, key=method_order)),
            columns=classes,
            cells={
                (cell.label, name): _cell(cell, runs, key, name)
                for cell, runs in cells.items()
                for name in classes
            },
            published={},
            dataset=dataset,
        )
        for (dataset, backbone, shots, classes), cells in settings.items()
    ]


def _cell(cell: Key, runs: Sequence[Result], key: str, name: str) -> TableCell:
    values: dict[int, list[float]] = {}
    for run in runs:
        value = read_class_metric(key, run.metrics).get(name)
        if value is not None:
            values.setdefault(run.config.seed, []).append(value)
    numbers = [value for of_seed in values.values() for value in of_seed]
    over_runs = spread(numbers, len(values)) if numbers else None
    return TableCell(cell, over_runs, None, None, folds=folds_of(runs))
