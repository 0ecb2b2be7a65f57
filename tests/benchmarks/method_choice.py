"""The figures by which defaults are chosen: every setting of a sweep beside the linear probe and a reference.

    python tests/benchmarks/method_choice.py RUNS [--reference LABEL]

Per row: the mean accuracy over collections, with equal weight, at each number of shots and over all of them;
its difference from the linear probe and from the reference, with 95% bootstrap intervals over images, drawn
within each collection and paired. Folds and seeds of a collection are joined. See docs/method-choice.md.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from vr.report.comparison.results import Result, find

RESAMPLES = 2000
PROBE = "linear-probe"
Hits = dict[tuple[int, str], np.ndarray]  # per shots and collection: mean correctness of every image


def hits_of(results: list[Result]) -> Hits:
    """The correctness of every image of a collection, averaged over seeds; each is held out once per seed."""
    images: dict[tuple[int, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        scored = result.predictions()
        cell = images[result.config.shots, f"{result.backbone} {result.config.card.name}"]
        for path, correct in zip(scored.paths, (scored.predicted == scored.labels).tolist(), strict=True):
            cell[path].append(float(correct))
    return {
        key: np.array([np.mean(cell[path]) for path in sorted(cell)]) for key, cell in images.items() if cell
    }


def difference(one: Hits, other: Hits, rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean difference over shots and collections, and its interval, in points."""
    drawn = np.zeros(RESAMPLES)
    total = 0.0
    shared = sorted(set(one) & set(other))
    collections = {name for _, name in shared}
    gaps: dict[str, list[np.ndarray]] = {
        name: [one[key] - other[key] for key in shared if key[1] == name] for name in collections
    }
    for rows in gaps.values():
        mean = np.mean(rows, 0)  # over shots, image by image
        total += mean.mean() / len(gaps)
        picks = rng.integers(0, len(mean), (RESAMPLES, len(mean)))
        drawn += mean[picks].mean(1) / len(gaps)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return 100 * total, 100 * float(low), 100 * float(high)


def main() -> None:
    """Print the table, the best setting first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--reference", default="biomedvr")
    arguments = parser.parse_args()
    by_label: dict[str, list[Result]] = defaultdict(list)
    for result in find(arguments.runs):
        by_label[result.label].append(result)
    hits = {label: hits_of(results) for label, results in by_label.items()}
    cells = sorted({key for rows in hits.values() for key in rows}, key=lambda key: (-key[0], key[1]))
    shots = sorted({count for count, _ in cells}, reverse=True)
    heads = [*(f"{count} shots" for count in shots), "mean", "over the probe", "over the reference"]
    heads += [f"{name.split()[-1]} {count}" for count, name in cells]
    print("| setting | " + " | ".join(heads) + " |")
    print("|---" * (len(heads) + 1) + "|")

    def mean(rows: Hits, count: int | None = None) -> float:
        return 100 * float(np.mean([v.mean() for key, v in rows.items() if count in (None, key[0])]))

    for label, rows in sorted(hits.items(), key=lambda item: -mean(item[1])):
        numbers = [*(f"{mean(rows, count):.1f}" for count in shots), f"{mean(rows):.1f}"]
        for other in (PROBE, arguments.reference):
            if other in hits and other != label:
                gap, low, high = difference(rows, hits[other], np.random.default_rng(0))
                numbers.append(f"{gap:+.1f} ({low:+.1f} to {high:+.1f})")
            else:
                numbers.append("")
        numbers += [f"{100 * rows[key].mean():.1f}" if key in rows else "" for key in cells]
        print(f"| {label} | " + " | ".join(numbers) + " |")


if __name__ == "__main__":
    main()
