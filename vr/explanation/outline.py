"""An explanation as rows of an outline: class, expert, bank, text; for the terminal and the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vr.explanation.decomposition import BankScore, ClassScore, ExpertScore, Origin, TextScore

COLUMNS = ("cosine", "score", "weight", "contribution", "margin", "share")
LEGEND = (
    "weight x score = contribution, and the contribution of a row is the sum of the rows below it, down to "
    "the nearest texts. margin: contribution minus its mean over the classes; share: of the absolute "
    "contributions of all texts of the class. In brackets: the probability, as in the sentence."
)


@dataclass(frozen=True)
class Row:
    """A row of the outline.

    Attributes:
        depth: 0 a class, 1 an expert, 2 a bank, 3 a text.
        title: name of the class, expert or bank, or the text.
        note: where a text comes from, if it is not a text of its class about that class.
        numbers: as words, by column of `COLUMNS`; empty where a column does not apply.
    """

    depth: int
    title: str
    note: str
    numbers: tuple[str, ...]


def rows(
    classes: Sequence[ClassScore], probabilities: Sequence[float], top: int | None = None
) -> Iterator[Row]:
    """Rows of the first `top` texts of each bank of the classes, in the given order.

    Args:
        probabilities: what the summary says of these classes (`Summary.probabilities`).
    """
    for entry, probability in zip(classes, probabilities, strict=False):
        title = f"{entry.name} ({100 * probability:.1f}%)"
        yield _row(0, title, contribution=f"{entry.logit:.4f}", margin=f"{entry.margin:+.4f}")
        for expert in entry.experts:
            single_bank = len(expert.banks) == 1
            if not single_bank or len(entry.experts) > 1:
                name = f"{expert.name} expert" + (f": {expert.banks[0].name}" if single_bank else "")
                yield _level(1, name, expert)
            for bank in expert.banks:
                if not single_bank or len(entry.experts) == 1:
                    yield _level(2, bank.name, bank)
                yield from map(_text, bank.texts[:top])


def note(origin: Origin) -> str:
    """Where a text comes from, in words; empty for a text of its class about that class."""
    describes = f"as {' or '.join(origin.describes)}" if origin.describes else ""
    borrowed = f"from {origin.borrowed}" if origin.borrowed else ""
    return ", ".join(filter(None, (describes, borrowed)))


def _level(depth: int, title: str, level: ExpertScore | BankScore) -> Row:
    return _row(
        depth,
        title,
        score=f"{level.score:.4f}",
        weight=f"{level.weight:.4f}",
        contribution=f"{level.contribution:.4f}",
        margin=f"{level.margin:+.4f}",
    )


def _text(text: TextScore) -> Row:
    return _row(
        3,
        text.text,
        note(text.origin),
        cosine=f"{text.cosine:.4f}",
        score=f"{text.score:.4f}",
        weight=f"{text.weight:.4f}",
        contribution=f"{text.contribution:.4f}",
        share=f"{100 * text.share:.1f}%",
    )


def _row(depth: int, title: str, note: str = "", **numbers: str) -> Row:
    return Row(depth, title, note, tuple(numbers.get(column, "") for column in COLUMNS))
