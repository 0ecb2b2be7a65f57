"""Options that are words with a form of their own, and what stands where one is not given."""

from __future__ import annotations

from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.llm.spending import Price, load_prices
from attrgen.schema.attribute_set import KINDS
from attrgen.schema.card import Card, did_you_mean
from attrgen.schema.confusers import Limit

SETS = Path("attrs")  # where `attrgen build` puts sets


def checked_kinds(words: str) -> tuple[str, ...]:
    """The kinds in a comma-separated list.

    Raises:
        UserError: one is unknown, or there is none.
    """
    kinds = tuple(word.strip() for word in words.split(",") if word.strip())
    for kind in kinds:
        if kind not in KINDS:
            raise UserError(f"--kinds: '{kind}' is no kind", remedy=did_you_mean(kind, KINDS))
    if not kinds:
        raise UserError("--kinds is empty", remedy=f"Kinds: {', '.join(KINDS)}.")
    return kinds


def checked_kind(word: str | None) -> str | None:
    """`--kind`, or None where it is not given.

    Raises:
        UserError: it is no kind.
    """
    if word is not None and word not in KINDS:
        raise UserError(f"--kind: '{word}' is no kind", remedy=did_you_mean(word, KINDS))
    return word


def confuser_limit(word: str | None) -> Limit:
    """`--confusers`: a number of 1 or more, or 'all'.

    Raises:
        UserError: it is neither.
    """
    if word is None or word == "all":
        return "all" if word else None
    if not (word.isascii() and word.isdigit() and int(word) >= 1):
        raise UserError(f"--confusers: '{word}' is neither a number of 1 or more nor 'all'")
    return int(word)


def set_file(attrs: Path | None, card: Card | None) -> Path:
    """The attribute set that is meant: `attrs`, else the card's in `attrs/`, else the only one there.

    Raises:
        UserError: neither is given, and `attrs/` does not hold exactly one set.
    """
    if attrs is not None:
        return attrs
    if card is not None:
        return SETS / f"{card.name}.json"
    found = sorted(SETS.glob("*.json"))
    if len(found) != 1:
        there = ", ".join(path.name for path in found) or "nothing"
        raise UserError(
            f"which attribute set? In {SETS}/ there is {there}", remedy="Name one with --attrs or --dataset."
        )
    return found[0]


def price_of(model: str, card: Path | None, max_cost: float | None) -> Price | None:
    """The model's price by `--prices`, or None where no card is given or it does not know the model.

    Raises:
        UserError: `--max-cost` is given, and nothing says what the model costs.
    """
    price = None if card is None else load_prices(card).of(model)
    if max_cost is not None and price is None:
        raise UserError(
            f"--max-cost needs the price of '{model}'",
            file=card,
            remedy=f'Give --prices FILE with a table [models."{model}"], or use --max-tokens-total.',
        )
    return price
