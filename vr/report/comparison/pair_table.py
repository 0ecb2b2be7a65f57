"""A comparison of two on the terminal, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from attrgen.core import tables
from attrgen.core.wording import counted
from vr.evaluation.metrics import METRICS
from vr.report.comparison.metric_pairs import MetricPair
from vr.report.comparison.pair import Pair, Side
from vr.report.comparison.table import SIGNIFICANT


def verdict(pair: Pair) -> str:
    """Which of the two is more accurate, or that it may be chance, in one sentence."""
    difference = pair.difference
    interval = f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f}"
    details = (
        f"{100 * abs(difference.mean):.1f} points (95% of B minus A: {interval}; p {p_text(difference.p)}, "
        f"{_test(pair)})"
    )
    if difference.p >= SIGNIFICANT:
        return f"No difference beyond chance: {details}."
    better = "B" if difference.mean > 0 else "A"
    return f"{better} is more accurate beyond chance, by {details}."


def show(pair: Pair) -> None:
    """Print both sides, the verdict, all metrics, and per class where they disagree."""
    for letter, side in zip("AB", (pair.first, pair.second), strict=True):
        print(f"{letter}: {side.name or side.results[0].label} ({_where(side)})")
    print(f"both: {', '.join(_what_both_have(pair))}")
    print(verdict(pair))
    table = tables.table("metric", numbers=("A", "B", "B - A", "95%"))
    for entry in pair.metrics:
        tables.add_row(table, METRICS[entry.key].title, *_metric_cells(entry))
    tables.show(table)
    print(f"Their answers differ on {100 * pair.other_answers:.1f}% of the images. Who is right, per class:")
    columns = ("images", "both", "only A", "only B", "neither", "B - A, points", "p")
    table = tables.table("class", numbers=columns)
    for of_class in pair.classes:
        counts = (of_class.both, of_class.only_first, of_class.only_second, of_class.neither)
        numbers = [_count(value, len(pair.seeds)) for value in counts]
        difference = f"{100 * of_class.difference.mean:+.1f}"
        tables.add_row(table, of_class.name, of_class.images, *numbers, difference, p_text(of_class.p))
    tables.show(table)
    if len(pair.classes) > 1:
        print(f"p: adjusted for {len(pair.classes)} classes (Holm).")


def as_json(pair: Pair) -> dict[str, Any]:
    """What `vr compare --json` prints; shares in [0, 1], differences are B minus A."""
    return {
        "format": "comparison/1",
        **{
            letter: {"name": side.name, "runs": [str(result.path) for result in side.results]}
            for letter, side in zip("ab", (pair.first, pair.second), strict=True)
        },
        "seeds": list(pair.seeds),
        "accuracy": {**asdict(pair.difference), "test": _test(pair)},
        "metrics": {
            entry.key: {
                "a": entry.first,
                "b": entry.second,
                "difference": entry.difference,
                "interval": None if entry.low is None else [entry.low, entry.high],
            }
            for entry in pair.metrics
        },
        "other_answers": pair.other_answers,
        "classes": {
            entry.name: {
                **{
                    key: value
                    for key, value in asdict(entry).items()
                    if key not in ("name", "difference", "p")
                },
                "difference": entry.difference.mean,
                "interval": [entry.difference.low, entry.difference.high],
                "p": entry.difference.p,
                "p_holm": entry.p,
            }
            for entry in pair.classes
        },
    }


def p_text(p: float) -> str:
    """`0.012`, `< 0.001`."""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _test(pair: Pair) -> str:
    units = "images" if pair.difference.groups is None else "groups of images"
    if len(pair.seeds) > 1:
        return f"paired test over {units} and seeds"
    return "McNemar's test" if pair.difference.groups is None else f"permutation test over {units}"


def _where(side: Side) -> str:
    paths = [str(result.path) for result in side.results]
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _what_both_have(pair: Pair) -> list[str]:
    groups = pair.difference.groups
    images = counted(sum(entry.images for entry in pair.classes), "image")
    seeds = counted(len(pair.seeds), "seed") if len(pair.seeds) > 1 else ""
    grouped = "" if groups is None else f" of {counted(groups, 'group')}"
    return [part for part in (pair.common, seeds, images + grouped) if part]


def _metric_cells(entry: MetricPair) -> tuple[str, str, str, str]:
    metric = METRICS[entry.key]
    if entry.difference is None:
        return metric.text(entry.first), metric.text(entry.second), "", ""
    size = metric.number(abs(entry.difference))
    sign = "" if not float(size) else "+" if entry.difference > 0 else "-"
    interval = ""
    if entry.low is not None and entry.high is not None:
        interval = f"{metric.scale * entry.low:+.1f} to {metric.scale * entry.high:+.1f}"
    return metric.text(entry.first), metric.text(entry.second), sign + size, interval


def _count(value: float, seeds: int) -> str:
    return f"{value:.0f}" if seeds == 1 else f"{value:.1f}"
