"""Finished runs, found below folders and grouped into the cells of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.shell import command
from vr.evaluation.metrics import find_metric
from vr.runs import run as runs
from vr.runs.naming import label_of
from vr.runs.predictions import Predictions, joined
from vr.runs.predictions import load as load_predictions
from vr.runs.run import RunConfig

MANY = 12  # runs; a page that compares more of them side by side cannot be read


@dataclass(frozen=True)
class Result:
    """One finished run."""

    path: Path
    config: RunConfig
    metrics: dict[str, Any]

    @property
    def label(self) -> str:
        """The method, with what differs from its defaults: a row of a table."""
        return label_of(self.config)

    @property
    def backbone(self) -> str:
        """The backbone, short."""
        config = self.config.backbone
        name = Path(config.name).name if "/" in config.name else config.name
        return name if config.weights is None else f"{name}/{Path(config.weights).name}"

    def value(self, metric: str) -> float | None:
        """The value of a metric of `vr.evaluation.metrics.COMPARED`; None if it is not defined."""
        return find_metric(metric).read(self.metrics)

    def predictions(self) -> Predictions:
        """The scores of the test images."""
        return load_predictions(self.path / runs.PREDICTIONS)


@dataclass(frozen=True, order=True)
class Key:
    """A cell of a table: runs that differ only in their seed."""

    backbone: str
    shots: int
    dataset: str
    label: str


def find(roots: Iterable[Path]) -> list[Result]:
    """Every finished run at or below `roots`, sorted by path. Unfinished ones are skipped.

    Raises:
        UserError: there is none, or a run's files are damaged.
    """
    roots = list(roots)
    results: dict[Path, Result] = {}
    for root in roots:
        for file in sorted(root.rglob(runs.CONFIG)):
            path = file.parent
            if (path / runs.METRICS).is_file():
                results[path.resolve()] = Result(path, runs.read_config(path), runs.read_metrics(path))
    if not results:
        listed = ", ".join(str(root) for root in roots)
        raise UserError(
            f"no finished run below {listed}",
            code="compare-no-runs",
            remedy=f"{command('vr', 'train', '--help')} shows how to train one.",
        )
    return list(results.values())


def grouped(results: Sequence[Result]) -> dict[Key, list[Result]]:
    """Runs by cell, by seed and fold within it.

    Raises:
        UserError: two runs of a cell have the same seed and fold, so that one would count twice.
    """
    cells: dict[Key, list[Result]] = {}
    for result in results:
        key = Key(result.backbone, result.config.shots, result.config.card.name, result.label)
        cells.setdefault(key, []).append(result)
    for key, members in cells.items():
        members.sort(key=_seed_and_fold)
        for first, second in pairwise(members):
            if _seed_and_fold(first) == _seed_and_fold(second):
                raise UserError(
                    f"two runs of {key.label} on {key.dataset} have seed {first.config.seed}: "
                    f"{first.path} and {second.path}",
                    code="compare-same-seed",
                    remedy="Name only the folders that belong in one table.",
                )
    return cells


def find_cell(path: Path) -> list[Result]:
    """The runs of one cell: a run, or the folder with the seeds of one setting.

    Raises:
        UserError: as for `find` and `grouped`, or the folder holds several cells.
    """
    cells = grouped(find([path]))
    if len(cells) > 1:
        rows = ", ".join(f"{key.label} on {key.dataset}, {key.shots} shots" for key in list(cells)[:4])
        raise UserError(
            f"the folder holds runs of {len(cells)} settings: {rows}",
            code="compare-several-settings",
            file=path,
            remedy="Name a run, or the folder with the seeds of one setting.",
        )
    return next(iter(cells.values()))


def by_seed(results: Sequence[Result]) -> dict[int, Predictions]:
    """Predictions by seed; those of the folds of a seed together, for each image is tested in one of them.

    A seed whose folds are not all there is left out.
    """
    members: dict[int, list[Result]] = {}
    for result in results:
        members.setdefault(result.config.seed, []).append(result)
    return {
        seed: joined([result.predictions() for result in folds])
        for seed, folds in members.items()
        if (fold := folds[0].config.fold) is None or len(folds) == fold.folds
    }


def folds_of(results: Sequence[Result]) -> int | None:
    """The number of folds of the runs of a cell; None without cross-validation."""
    fold = results[0].config.fold
    return None if fold is None else fold.folds


def _seed_and_fold(result: Result) -> tuple[int, int]:
    fold = result.config.fold
    return result.config.seed, 0 if fold is None else fold.number
