"""Tokens, prices and limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.cli.parsing import price_of
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
    assert card.of("big-0613") == card.of("big-20260317") == card.of("big-latest") == card.of("big")
    for other in ("bigger", "big-nano", "big-pro-2026-01-01", "big-mini-2026-01", "x/big"):
        assert card.of(other) is None


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
    with pytest.raises(SpendingLimit) as caught:
        ledger.reserve(request())
    assert caught.value.code == "spending-limit" and "--max-cost 0.5" in str(caught.value)


def test_a_limit_of_cost_needs_a_price(prices: Path) -> None:
    assert price_of("big", prices, 1.0) == Price(input=2, output=8)
    assert price_of("unknown", prices, None) is None
    for model, file in (("unknown", prices), ("big", None)):
        with pytest.raises(UserError) as caught:
            price_of(model, file, 1.0)
        assert caught.value.code == "option-unknown-price"
        assert caught.value.file == (str(file) if file else None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[models.x]\ninput = -1\noutput = 1\n", "prices-value"),
        ("[models.x]\ninput = 1\n", "prices-missing-key"),
        ("models = 3\n", "prices-value"),
        ("x = \n", "prices-not-toml"),
        ("y = 1\n", "prices-unknown-key"),
    ],
)
def test_a_wrong_price_list(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_prices(path)
    assert caught.value.code == code and caught.value.file == str(path)


def test_parts_count_for_themselves_under_the_limits_of_the_whole() -> None:
    whole = Ledger(Price(input=1, output=1), max_tokens=1100)
    first, second = whole.part(), whole.part()
    reserved = first.reserve(request())
    second.reserve(request())
    with pytest.raises(SpendingLimit):
        first.reserve(request())
    first.release(reserved)
    first.count("descriptive", "lump", Usage(prompt_tokens=30, completion_tokens=20))
    second.count("descriptive", "lump", Usage(prompt_tokens=3, completion_tokens=2), wasted=True)
    second.retried("500")
    assert (first.usage.total, second.usage.total, whole.usage.total) == (50, 5, 55)
    assert (first.wasted.total, whole.wasted.total, whole.requests) == (0, 5, 2)
    assert first.retries == {} and second.retries == whole.retries == {"500": 1}
    assert whole.cost == pytest.approx(55e-6) and first.cost == pytest.approx(50e-6)
    whole.reserve(request())  # 55 spent, 500 reserved
