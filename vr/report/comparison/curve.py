"""`vr curve`: a metric against shots, a line per backbone and method, a panel per dataset, and its values."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.files import read_text, whole_file, write_text
from vr.evaluation.metrics import find_metric
from vr.evaluation.statistics import Spread, spread
from vr.report.comparison.formats import csv_number
from vr.report.comparison.results import Result, grouped

SUFFIXES = (".png", ".svg", ".pdf")
CSV_COLUMNS = ("dataset", "backbone", "method", "shots", "metric", "mean", "std", "seeds", "values")
_MARKERS = "osD^vPX<>*ph"
_APART = 0.05  # shift of lines at the same shots, in doublings, so that no point hides another


@dataclass(frozen=True)
class Point:
    """A metric at one number of shots; `values` are those of the runs: seeds or folds."""

    shots: int
    spread: Spread
    values: tuple[float, ...]


@dataclass(frozen=True)
class Line:
    """A method with its settings on one backbone and dataset; points by shots."""

    dataset: str
    backbone: str
    method: str
    points: tuple[Point, ...]


def draw(results: Sequence[Result], path: Path, *, metric: str = "accuracy") -> Path:
    """Draw the lines into `path`, whose suffix says the form, and write their values beside it as CSV.

    Returns:
        The CSV file.

    Raises:
        UserError: a suffix other than .png, .svg or .pdf, an unknown metric, no run with that metric, or
            another CSV file of that name.
    """
    table = path.with_suffix(".csv")
    _check(path, table, metric)
    lines = make_lines(results, metric)
    if not lines:
        raise UserError(
            f"no run has the metric '{metric}'", code="curve-no-values", remedy="Try --metric accuracy."
        )
    _draw(lines, path, metric)
    write_text(table, to_csv(lines, metric))
    return table


def make_lines(results: Sequence[Result], metric: str) -> list[Line]:
    """A line per dataset, backbone and method, its points sorted by shots.

    Raises:
        UserError: two runs of one cell have the same seed.
    """
    points: dict[tuple[str, str, str], list[Point]] = {}
    for key, runs in sorted(grouped(results).items()):
        values = tuple(value for run in runs if (value := run.value(metric)) is not None)
        if values:
            seeds = len({run.config.seed for run in runs})
            line = points.setdefault((key.dataset, key.backbone, key.label), [])
            line.append(Point(key.shots, spread(values, seeds), values))
    return [
        Line(*names, tuple(sorted(line, key=lambda point: point.shots)))
        for names, line in sorted(points.items())
    ]


def to_csv(lines: Sequence[Line], metric: str) -> str:
    """The values of the lines, a row per point; `values` are those of the runs, shares in [0, 1]."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(CSV_COLUMNS)
    for line in lines:
        for point in line.points:
            std = "" if point.spread.std is None else csv_number(point.spread.std)
            values = " ".join(str(csv_number(value)) for value in point.values)
            numbers = (csv_number(point.spread.mean), std, point.spread.seeds, values)
            rows.writerow((line.dataset, line.backbone, line.method, point.shots, metric, *numbers))
    return text.getvalue()


def _check(path: Path, table: Path, metric: str) -> None:
    find_metric(metric)
    if path.suffix not in SUFFIXES:
        raise UserError(
            f"a figure cannot be written as '{path.suffix}'",
            code="curve-suffix",
            file=path,
            remedy=f"End the name in {', '.join(SUFFIXES)}.",
        )
    if table.exists() and read_text(table, what="table").partition("\n")[0] != ",".join(CSV_COLUMNS):
        raise UserError(
            "the values of the figure go into this file, and it holds something else",
            code="curve-foreign-csv",
            file=table,
            remedy="Move it away, or choose another name with --out.",
        )


def _draw(lines: Sequence[Line], path: Path, metric: str) -> None:
    from vr.report.svg import printed

    panels: dict[str, list[Line]] = {}
    for line in lines:
        panels.setdefault(line.dataset, []).append(line)
    names = _names(lines)
    order = list(dict.fromkeys(names.values()))
    width = 1.6 + 4.2 * len(panels) + 0.075 * max(map(len, order))
    with printed(width, max(3.6, 1.2 + 0.26 * len(order))) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        handles: dict[str, Any] = {}
        for panel, (dataset, members) in zip(axes, panels.items(), strict=True):
            for position, line in enumerate(members):
                name = names[line.backbone, line.method]
                apart = _APART * (position - (len(members) - 1) / 2)
                handles.setdefault(name, _line(panel, line, order.index(name), apart, metric))
            _finish(panel, dataset, members, metric)
        shown = [name for name in order if name in handles]
        figure.legend([handles[name] for name in shown], shown, loc="outside right center")
        with whole_file(path) as temporary:
            figure.savefig(temporary, format=path.suffix.removeprefix("."), dpi=150)


def _names(lines: Sequence[Line]) -> Mapping[tuple[str, str], str]:
    """What the legend calls a line: its method, and its backbone where there are several."""
    several = len({line.backbone for line in lines}) > 1
    return {
        (line.backbone, line.method): f"{line.method}, {line.backbone}" if several else line.method
        for line in lines
    }


def _line(panel: Any, line: Line, number: int, apart: float, metric: str) -> Any:
    """Draw one line with its points, spread and single runs; the handle for the legend.

    Args:
        number: of its colour, dashes and marker.
        apart: shift of its points, in doublings.
    """
    from vr.report.svg import dashes, printed_color

    color, scale = printed_color(number), find_metric(metric).scale
    shots = [point.shots * 2**apart for point in line.points]
    means = [scale * point.spread.mean for point in line.points]
    stds = [scale * (point.spread.std or 0.0) for point in line.points]
    for at, point in zip(shots, line.points, strict=True):
        seeds = [scale * value for value in point.values]
        panel.plot([at] * len(seeds), seeds, ".", color=color, alpha=0.45, markersize=4, clip_on=False)
    handle = panel.errorbar(
        shots,
        means,
        yerr=stds,
        color=color,
        linestyle=dashes(number),
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=6,
        markeredgecolor="white",
        capsize=2,
        elinewidth=1,
    )
    return handle.lines[0]


def _finish(panel: Any, dataset: str, lines: Sequence[Line], metric: str) -> None:
    shots = sorted({point.shots for line in lines for point in line.points})
    panel.set_xscale("log", base=2)
    panel.set_xticks(shots, [str(number) for number in shots])
    panel.minorticks_off()
    low, high = math.log2(shots[0]) - 0.6, math.log2(shots[-1]) + 0.6
    panel.set_xlim(2**low, 2**high)
    panel.margins(y=0.08)
    shown = find_metric(metric)
    unit = ", %" if shown.percent else ""
    panel.set(title=dataset, xlabel="labelled training images per class")
    panel.set_ylabel(f"{shown.title}{unit}")
