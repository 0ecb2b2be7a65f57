"""Tokens, prices and limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.cli.options import price_of
from attrgen.core.errors import UserError
from attrgen.core.resources import resource
from attrgen.llm.request import ListFormat, Request, Usage
from attrgen.llm.spending import Ledger, Price, SpendingLimit, load_prices

PRICES = '[models.big]\ninput = 2.0\noutput = 8.0\n\n[models."big-mini"]\ninput = 1\noutput = 4\n'


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES)
    return path


def request(count: int = 10) -> Request:
    form = ListFormat(field="attributes", count=count)
    return Request(model="big", messages=(("user", "x" * 400),), format=form)


def test_the_example_has_the_form() -> None:
    assert load_prices(resource("data", "prices.toml")).of("gpt-4.1-mini") is not None


def test_a_name_covers_its_dated_versions(prices: Path) -> None:
    card = load_prices(prices)
    assert card.of("big-2026-01-01") == card.of("big") == Price(input=2, output=8)
    assert card.of("big-mini-2026") == Price(input=1, output=4)
    assert card.of("bigger") is None


def test_cost_counts_failed_attempts() -> None:
    ledger = Ledger(Price(input=2, output=8))
    ledger.count("descriptive", "lump", Usage(prompt_tokens=1000, completion_tokens=500))
    ledger.count("descriptive", "lump", Usage(prompt_tokens=1000, completion_tokens=500), wasted=True)
    assert ledger.cost == pytest.approx((2000 * 2 + 1000 * 8) / 1e6)
    assert ledger.requests == 2 and ledger.wasted.total == 1500


def test_requests_in_flight_count_against_the_limit() -> None:
    ledger = Ledger(max_tokens=1100)  # one request is guessed at 100 + 400
    first, second = ledger.reserve(request()), ledger.reserve(request())
    with pytest.raises(SpendingLimit):
        ledger.reserve(request())
    ledger.release(first)
    ledger.release(second)
    ledger.reserve(request())


def test_a_limit_of_cost() -> None:
    ledger = Ledger(Price(input=0, output=1000), max_cost=0.5)
    ledger.reserve(request())
    with pytest.raises(SpendingLimit, match=r"--max-cost 0\.5"):
        ledger.reserve(request())


def test_a_limit_of_cost_needs_a_price(prices: Path) -> None:
    assert price_of("big", prices, 1.0) == Price(input=2, output=8)
    assert price_of("unknown", prices, None) is None
    with pytest.raises(UserError, match=r"prices\.toml: --max-cost needs the price of 'unknown'"):
        price_of("unknown", prices, 1.0)
    with pytest.raises(UserError, match="--prices"):
        price_of("big", None, 1.0)


@pytest.mark.parametrize(
    "text", ["[models.x]\ninput = -1\noutput = 1\n", "models = 3\n", "x = \n", "y = 1\n"]
)
def test_a_wrong_card_of_prices(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"p\.toml"):
        load_prices(path)
