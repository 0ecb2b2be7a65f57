"""Checks of options whose words have a form that typer does not know, and files that options leave open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrgen.cli.options import SETS
from attrgen.core.errors import UserError
from attrgen.llm.spending import Price, load_prices
from attrgen.schema.attribute_set import KINDS
from attrgen.schema.card import Card, did_you_mean
from attrgen.schema.confusers import Limit

SENT_FIELDS = ("model", "messages", "response_format", "stream", "stream_options", "n")


def checked_kinds(words: str) -> tuple[str, ...]:
    """The kinds in a comma-separated list.

    Raises:
        UserError: one is unknown, or there is none.
    """
    kinds = tuple(word.strip() for word in words.split(",") if word.strip())
    for kind in kinds:
        checked_kind(kind, option="--kinds")
    if not kinds:
        raise UserError(
            "--kinds is empty", code="option-kinds-empty", remedy=f"Choose from: {', '.join(KINDS)}."
        )
    return kinds


def checked_kind(kind: str, *, option: str = "--kind") -> str:
    """The kind that an option names.

    Raises:
        UserError: it is unknown.
    """
    if kind not in KINDS:
        raise UserError(
            f"{option}: '{kind}' is not a kind",
            code="option-unknown-kind",
            remedy=f"{did_you_mean(kind, KINDS)} Kinds: {', '.join(KINDS)}.",
        )
    return kind


def checked_model(name: str) -> str:
    """The name of a model.

    Raises:
        UserError: it is empty, or has characters that no name has.
    """
    if not name.strip() or not name.isprintable():
        raise UserError(
            "--model is empty or has characters that cannot be printed",
            code="option-model",
            remedy="Give the name as the server lists it.",
        )
    return name


def confuser_limit(word: str | None) -> Limit:
    """`--confusers`: a number of 1 or more, or 'all'.

    Raises:
        UserError: it is neither.
    """
    if word is None or word == "all":
        return "all" if word else None
    if not (word.isascii() and word.isdigit() and int(word) >= 1):
        raise UserError(
            f"--confusers: '{word}' is neither a number of 1 or more nor 'all'", code="option-confusers"
        )
    return int(word)


def extra_body(words: str | None, reasoning_effort: str | None = None) -> dict[str, Any] | None:
    """The fields of `--extra-body` and `--reasoning-effort`; None where neither is given.

    Raises:
        UserError: it is no JSON object, or has a field that attrgen sets.
    """
    try:
        value = json.loads(words) if words is not None else {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UserError(
            f"--extra-body: {words!r} is no JSON object",
            code="option-extra-body",
            remedy="""Write for instance --extra-body '{"top_p": 0.9}'.""",
        )
    taken = sorted(set(value) & set(SENT_FIELDS))
    if taken:
        raise UserError(
            f"--extra-body: '{taken[0]}' is set by attrgen",
            code="option-extra-body",
            remedy="Use --model, --temperature, --seed, --max-tokens and --structured.",
        )
    effort = {} if reasoning_effort is None else {"reasoning_effort": reasoning_effort}
    return {**value, **effort} or None


def set_file(path: Path | None, card: Card | None) -> Path:
    """The attribute set that is meant: `path`, else the card's in `attrs/`, else the only one there.

    Raises:
        UserError: neither is given, and `attrs/` does not hold exactly one set.
    """
    if path is not None:
        return path
    if card is not None:
        return SETS / f"{card.name}.json"
    sets = sorted(SETS.glob("*.json"))
    if len(sets) != 1:
        names = ", ".join(file.name for file in sets) or "no set"
        raise UserError(
            f"which attribute set? {SETS}/ has {names}",
            code="option-which-set",
            remedy="Name one with --attrs or --dataset.",
        )
    return sets[0]


def price_of(model: str, prices: Path | None, max_cost: float | None) -> Price | None:
    """The model's price by `--prices`; None where no file is given or it does not list the model.

    Raises:
        UserError: `--max-cost` is given, and the price is not known.
    """
    price = None if prices is None else load_prices(prices).of(model)
    if max_cost is not None and price is None:
        raise UserError(
            f"--max-cost needs the price of '{model}'",
            code="option-unknown-price",
            file=prices,
            remedy=f'Give --prices FILE with a table [models."{model}"], or use --max-tokens-total.',
        )
    return price
