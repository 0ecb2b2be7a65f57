"""Explanations on the terminal: a sentence per image, or tables of every contribution."""

from __future__ import annotations

from collections.abc import Sequence

from attrgen.core import tables
from vr.explanation import outline, summary
from vr.explanation.explanation import Explanation, short_names


def show(explanations: Sequence[Explanation]) -> None:
    """Print one sentence per image."""
    for name, explanation in _named(explanations):
        print(f"{name}: {explanation.summary.sentence}")
    _show_legend(explanations, summary.LEGEND, "Every contribution: --details.")


def show_details(explanations: Sequence[Explanation], *, classes: int, top: int | None) -> None:
    """Print a sentence and a table per image, of its first `classes` classes and `top` texts per bank."""
    for name, explanation in _named(explanations):
        print(f"{name}: {explanation.summary.sentence}")
        table = tables.table("class, expert, bank, text", numbers=outline.COLUMNS)
        for row in outline.rows(explanation.classes[:classes], explanation.summary.probabilities, top):
            title = "  " * row.depth + row.title + (f" ({row.note})" if row.note else "")
            tables.add_row(table, title, *row.numbers, bold=row.depth == 0)
        tables.show(table)
    _show_legend(explanations, outline.LEGEND)


def _show_legend(explanations: Sequence[Explanation], *legend: str) -> None:
    if _by_texts(explanations):
        print(" ".join((*legend, summary.scope(len(explanations[0].classes)))))


def _named(explanations: Sequence[Explanation]) -> list[tuple[str, Explanation]]:
    names = short_names([explanation.image for explanation in explanations])
    return list(zip(names, explanations, strict=True))


def _by_texts(explanations: Sequence[Explanation]) -> bool:
    """Whether texts contribute to the scores; a legend about them is of no use otherwise."""
    return any(entry.experts for explanation in explanations for entry in explanation.classes)
