"""`vr curve`: accuracy against shots, a line a method with its spread over seeds, a panel a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.files import whole_file
from vr.report.comparison.results import Result, grouped
from vr.report.comparison.statistics import spread

SUFFIXES = (".png", ".svg", ".pdf")


def draw(results: Sequence[Result], path: Path, *, metric: str = "accuracy") -> None:
    """Draw the curves into `path`; the suffix says the form.

    Cells that were not run are gaps; a method with one number of shots is a point.

    Raises:
        UserError: a suffix other than .png, .svg or .pdf, or no run with that metric.
    """
    if path.suffix not in SUFFIXES:
        raise UserError(
            f"a picture cannot be written as '{path.suffix}'",
            file=path,
            remedy=f"End the name in {', '.join(SUFFIXES)}.",
        )
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    points: dict[str, dict[str, list[tuple[int, float, float]]]] = {}
    for key, runs in sorted(grouped(results).items()):
        values = [value for run in runs if (value := run.value(metric)) is not None]
        if values:
            found = spread(values)
            line = points.setdefault(key.dataset, {}).setdefault(key.label, [])
            line.append((key.shots, found.mean, found.std or 0.0))
    if not points:
        raise UserError(f"no run has the metric '{metric}'", remedy="Try --metric accuracy.")
    figure, panels = pyplot.subplots(
        1, len(points), figsize=(0.8 + 4.2 * len(points), 3.6), squeeze=False, layout="constrained"
    )
    labels = sorted({label for lines in points.values() for label in lines})
    colours = {label: f"C{place % 10}" for place, label in enumerate(labels)}
    scale = 1 if metric == "nll" else 100
    for panel, (dataset, lines) in zip(panels[0], points.items(), strict=True):
        for label, line in sorted(lines.items()):
            shots, means, stds = (list(column) for column in zip(*line, strict=True))
            centre = [scale * mean for mean in means]
            low, high = (
                [scale * (mean + sign * std) for mean, std in zip(means, stds, strict=True)]
                for sign in (-1, 1)
            )
            panel.plot(shots, centre, marker="o", color=colours[label], label=label)
            panel.fill_between(shots, low, high, color=colours[label], alpha=0.15, linewidth=0)
        every = sorted({shots for line in lines.values() for shots, _, _ in line})
        panel.set_xscale("log", base=2)
        panel.set_xticks(every, [str(shots) for shots in every])
        panel.set(title=dataset, xlabel="labelled images a class", ylabel=metric.replace("_", " "))
        panel.grid(alpha=0.25)
        panel.legend(fontsize=8, frameon=False)
    with whole_file(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix("."), dpi=150)
    pyplot.close(figure)
