"""The figures by which defaults are chosen: settings of a sweep beside the linear probe and a reference.

    python tests/benchmarks/method_choice.py RUNS [--reference LABEL]

A cell is a collection at a number of shots; it counts where all of its folds are there. Settings are compared
on the same cells: there is a table per set of cells that a setting shares with the linear probe and the
reference, with every setting that has all of them. Per row: the mean accuracy, with equal weight of
collections and of the shots within one; the differences from the linear probe and the reference, with 95%
bootstrap intervals over images, paired and drawn within each collection. Seeds are averaged. See
docs/method-choice.md.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from vr.report.comparison.results import Result, by_seed, find, grouped

RESAMPLES = 2000
PROBE = "linear-probe"
Cell = tuple[str, int]  # collection with backbone, and shots
Hits = dict[Cell, np.ndarray]  # per cell: mean correctness of every image, sorted by path


def hits_by_label(results: Iterable[Result]) -> dict[str, Hits]:
    """Per setting and cell the mean correctness of every image, over the seeds whose folds are all there."""
    hits: dict[str, Hits] = defaultdict(dict)
    for key, members in grouped(list(results)).items():
        images: dict[str, list[float]] = defaultdict(list)
        for scored in by_seed(members).values():
            for path, correct in zip(scored.paths, (scored.predicted == scored.labels).tolist(), strict=True):
                images[path].append(float(correct))
        if images:
            label = re.sub(r" folds=\d+", "", key.label)
            cell = f"{key.dataset} ({key.backbone})", key.shots
            hits[label][cell] = np.array([np.mean(images[path]) for path in sorted(images)])
    return hits


def per_collection(rows: Mapping[Cell, np.ndarray], cells: Iterable[Cell]) -> list[np.ndarray]:
    """Per collection the values of its images, averaged over shots."""
    collections: dict[str, list[np.ndarray]] = defaultdict(list)
    for cell in sorted(cells):
        collections[cell[0]].append(rows[cell])
    return [np.mean(values, 0) for values in collections.values()]


def mean(rows: Hits, cells: Iterable[Cell]) -> float:
    """Accuracy in %, each collection with equal weight."""
    return 100 * float(np.mean([values.mean() for values in per_collection(rows, cells)]))


def difference(one: Hits, other: Hits, cells: Iterable[Cell]) -> tuple[float, float, float]:
    """Mean difference on the cells, and its 95% interval, in points."""
    rng = np.random.default_rng(0)
    gaps = per_collection({cell: one[cell] - other[cell] for cell in cells}, cells)
    drawn = [gap[rng.integers(0, len(gap), (RESAMPLES, len(gap)))].mean(1) for gap in gaps]
    low, high = np.percentile(np.mean(drawn, 0), [2.5, 97.5])
    return 100 * float(np.mean([gap.mean() for gap in gaps])), 100 * float(low), 100 * float(high)


def sets_of_cells(hits: Mapping[str, Hits], beside: Iterable[str]) -> list[frozenset[Cell]]:
    """The sets of cells that a setting shares with all of `beside`, the largest first."""
    shared = frozenset.intersection(*(frozenset(hits[label]) for label in beside))
    sets = {frozenset(rows) & shared for rows in hits.values()} - {frozenset()}
    return sorted(sets, key=lambda cells: (-len(cells), sorted(cells)))


def table(hits: Mapping[str, Hits], cells: frozenset[Cell], beside: tuple[str, str]) -> Iterator[str]:
    """The lines of the table of the settings that have all of the cells, the best first."""
    order = sorted(cells, key=lambda cell: (-cell[1], cell[0]))
    heads = ["setting", "mean", *(f"over {label}" for label in beside), *(f"{n} {s}" for n, s in order)]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    complete = {label: rows for label, rows in hits.items() if cells <= set(rows)}
    for label, rows in sorted(complete.items(), key=lambda item: -mean(item[1], cells)):
        numbers = [f"{mean(rows, cells):.1f}"]
        for other in beside:
            gap, low, high = difference(rows, hits[other], cells)
            numbers.append("" if other == label else f"{gap:+.1f} ({low:+.1f} to {high:+.1f})")
        numbers += [f"{100 * rows[cell].mean():.1f}" for cell in order]
        yield f"| {label} | " + " | ".join(numbers) + " |"


def main() -> None:
    """Print a table per set of cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--reference", default="biomedvr")
    arguments = parser.parse_args()
    hits = hits_by_label(find(arguments.runs))
    beside = (PROBE, arguments.reference)
    if missing := [label for label in beside if label not in hits]:
        parser.error(f"no cell with all folds of {' and '.join(missing)}")
    for cells in sets_of_cells(hits, beside):
        print(f"\n{len(cells)} cells: " + ", ".join(f"{name} {shots}" for name, shots in sorted(cells)))
        print("\n".join(table(hits, cells, beside)))


if __name__ == "__main__":
    main()
