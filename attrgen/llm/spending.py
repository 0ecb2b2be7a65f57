"""Tokens and money: counted by kind and class, failed attempts included, and kept under a limit."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from attrgen.core.validation import Frozen, read_toml
from attrgen.llm.errors import Fatal
from attrgen.llm.request import Request, Usage

CHARACTERS_PER_TOKEN = 4
TOKENS_PER_TEXT = 40  # a generous guess, only to keep requests in flight from overshooting a limit

_VERSION = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$")  # "-2026-03-17", "-20260317", "-0613"


class Price(Frozen):
    """Price of a model per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)

    def cost(self, usage: Usage) -> float:
        """Cost of these tokens, in the currency of the price list."""
        return (usage.prompt_tokens * self.input + usage.completion_tokens * self.output) / 1e6


class Prices(Frozen):
    """A price list: a currency, and the price of each model. `data/prices.toml` is an example."""

    currency: str = "USD"
    models: dict[str, Price] = Field(default_factory=dict)

    def of(self, model: str) -> Price | None:
        """The price of a model, or of the name that it is a dated version of; else None."""
        return self.models.get(model) or self.models.get(_VERSION.sub("", model))


def load_prices(path: Path) -> Prices:
    """Read a price list.

    Raises:
        UserError: not there, not TOML, an unknown or missing key, or a value out of range.
    """
    return read_toml(Prices, path, what="price list", code="prices")


class SpendingLimit(Fatal):
    """The next request might pass a limit; what is done so far is kept."""

    def __init__(self, limit: str, spent: str) -> None:
        super().__init__(
            f"{limit} is reached ({spent} spent)",
            code="spending-limit",
            remedy="What is done was saved; run the same with a higher limit to continue.",
        )


@dataclass
class Line:
    """What one kind of one class took: answered requests, their tokens, and those of answers thrown away."""

    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    wasted: Usage = field(default_factory=Usage)


class Ledger:
    """Counts what a build spends and refuses a request that might pass a limit.

    Args:
        price: of the model, or None where it is unknown.
        max_tokens, max_cost: limits over the whole build, failed attempts included.
        whole: the ledger that this one is a part of; it counts as well, and its limits hold.
    """

    def __init__(
        self,
        price: Price | None = None,
        *,
        max_tokens: int | None = None,
        max_cost: float | None = None,
        whole: Ledger | None = None,
    ) -> None:
        self.lines: dict[tuple[str, str], Line] = {}
        self.retries: Counter[str] = Counter()
        self._price = price
        self._max_tokens = max_tokens
        self._max_cost = max_cost
        self._whole = whole
        self._spent = Usage()
        self._reserved = Usage()

    def part(self) -> Ledger:
        """A ledger with counts of its own, such as of one set, under the limits of this one."""
        return Ledger(self._price, whole=self)

    @property
    def usage(self) -> Usage:
        """All tokens so far."""
        return self._spent

    @property
    def wasted(self) -> Usage:
        """Tokens of answers that could not be used."""
        return sum((line.wasted for line in self.lines.values()), Usage())

    @property
    def requests(self) -> int:
        """Requests that the server answered with a completion."""
        return sum(line.requests for line in self.lines.values())

    @property
    def cost(self) -> float | None:
        """Cost so far, or None where the price is unknown."""
        return None if self._price is None else self._price.cost(self.usage)

    def reserve(self, request: Request) -> Usage:
        """Set aside an estimate of the request's tokens; give it back with `release`.

        Raises:
            SpendingLimit: with this request and those in flight a limit might be passed.
        """
        if self._whole is not None:
            return self._whole.reserve(request)
        estimate = estimated(request)
        total = self.usage + self._reserved + estimate
        if self._max_tokens is not None and total.total > self._max_tokens:
            raise SpendingLimit(f"--max-tokens-total {self._max_tokens}", f"{self.usage.total}")
        if (
            self._max_cost is not None
            and self._price is not None
            and self._price.cost(total) > self._max_cost
        ):
            raise SpendingLimit(f"--max-cost {self._max_cost:g}", f"{self.cost:.4f}")
        self._reserved = self._reserved + estimate
        return estimate

    def release(self, estimate: Usage) -> None:
        """Give back what `reserve` set aside."""
        if self._whole is not None:
            self._whole.release(estimate)
            return
        self._reserved = Usage(
            prompt_tokens=self._reserved.prompt_tokens - estimate.prompt_tokens,
            completion_tokens=self._reserved.completion_tokens - estimate.completion_tokens,
        )

    def count(self, kind: str, class_name: str, usage: Usage, *, wasted: bool = False) -> None:
        """Count one completion; `wasted` when its answer cannot be used."""
        if self._whole is not None:
            self._whole.count(kind, class_name, usage, wasted=wasted)
        line = self.lines.setdefault((kind, class_name), Line())
        line.requests += 1
        self._spent = self._spent + usage
        if wasted:
            line.wasted = line.wasted + usage
        else:
            line.usage = line.usage + usage

    def retried(self, kind: str) -> None:
        """Count a request that is sent again."""
        if self._whole is not None:
            self._whole.retried(kind)
        self.retries[kind] += 1


def estimated(request: Request) -> Usage:
    """A guess at a request's tokens before it is sent."""
    characters = sum(len(text) for _, text in request.messages)
    return Usage(
        prompt_tokens=characters // CHARACTERS_PER_TOKEN,
        completion_tokens=request.format.count * TOKENS_PER_TEXT,
    )
