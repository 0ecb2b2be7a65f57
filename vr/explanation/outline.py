"""An explanation as rows of an outline: class, expert, bank, text; what the terminal and the page show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vr.explanation.contributions import BankScore, ClassScore, ExpertScore, Origin, TextScore

COLUMNS = ("cosine", "score", "weight", "gives", "lead", "share")
LEGEND = (
    "weight x score = gives, and what a row gives is the sum of the rows below it, down to the nearest "
    "texts. lead: what it gives beyond the mean of the classes; share: of all that the class's texts give."
)


@dataclass(frozen=True)
class Row:
    """A line of the outline.

    Attributes:
        depth: 0 a class, 1 an expert, 2 a bank, 3 a text.
        title: what it is.
        note: where a text comes from, where that is not plain.
        numbers: as words, by column of `COLUMNS`; empty where a column makes no sense.
    """

    depth: int
    title: str
    note: str
    numbers: tuple[str, ...]


def rows(classes: Sequence[ClassScore], top: int | None = None) -> Iterator[Row]:
    """Rows of the first `top` texts of each bank of the classes, in the order in which they are given."""
    for entry in classes:
        title = f"{entry.name} ({100 * entry.probability:.1f}%)"
        yield _row(0, title, gives=f"{entry.logit:.4f}", lead=f"{entry.lead:+.4f}")
        for expert in entry.experts:
            alone = len(expert.banks) == 1
            if not alone or len(entry.experts) > 1:
                name = f"{expert.name} expert" + (f": {expert.banks[0].name}" if alone else "")
                yield _level(1, name, expert)
            for bank in expert.banks:
                if not alone or len(entry.experts) == 1:
                    yield _level(2, bank.name, bank)
                yield from map(_text, bank.texts[:top])


def note(origin: Origin) -> str:
    """Where a text comes from, in words; empty for a class's own text about itself."""
    mimics = f"as {' or '.join(origin.mimics)}" if origin.mimics else ""
    borrowed = f"from {origin.borrowed}" if origin.borrowed else ""
    return ", ".join(filter(None, (mimics, borrowed)))


def _level(depth: int, title: str, level: ExpertScore | BankScore) -> Row:
    return _row(
        depth,
        title,
        score=f"{level.score:.4f}",
        weight=f"{level.weight:.4f}",
        gives=f"{level.gives:.4f}",
        lead=f"{level.lead:+.4f}",
    )


def _text(text: TextScore) -> Row:
    return _row(
        3,
        text.text,
        note(text.origin),
        cosine=f"{text.cosine:.4f}",
        score=f"{text.score:.4f}",
        weight=f"{text.weight:.4f}",
        gives=f"{text.gives:.4f}",
        share=f"{100 * text.share:.1f}%",
    )


def _row(depth: int, title: str, note: str = "", **numbers: str) -> Row:
    return Row(depth, title, note, tuple(numbers.get(column, "") for column in COLUMNS))
