"""What bodies and headers of errors say, in the forms that servers send."""

from __future__ import annotations

from typing import Any

import pytest

from attrgen.llm.error_body import error_of, retry_after, wait_in

QUOTA = {
    "code": 429,
    "message": "You exceeded your current quota",
    "status": "RESOURCE_EXHAUSTED",
    "details": [
        {"@type": "QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDay-FreeTier"}]},
        {"@type": "Help", "links": []},
        {"@type": "RetryInfo", "retryDelay": "34.07s"},
        "x",
        {"violations": "x", "reason": 3},
    ],
}


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached. Please try again in 20s.", 20),
        ("Please try again in 7.66s. Visit", 7.66),
        ("try again in 350ms", 0.35),
        ("Please try again in 1m30.5s", 90.5),
        ("try again in 2m", 120),
        ("Please retry after 32 seconds.", 32),
        ("retry in 34.07s", 34.07),
        ("Retry after 5 minutes", 300),
        ("try again in about 3 sec", 3),
        ("try again later", None),
        ("You may retry in a moment, 20s or so", None),
        ("limit 20s", None),
    ],
)
def test_seconds_in_words(words: str, seconds: float | None) -> None:
    assert wait_in(words) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("body", [{"error": QUOTA}, [{"error": QUOTA}]])
def test_details_of_a_quota(body: Any) -> None:
    status, words, kinds = error_of(body)
    assert status == 429 and words == QUOTA["message"]
    assert "PerDay" in kinds and wait_in(kinds) == pytest.approx(34.07)


def test_an_estimated_time() -> None:
    assert wait_in(error_of({"error": "Model m is currently loading", "estimated_time": 20.5})[2]) == 20.5


def test_headers_win_over_nothing() -> None:
    assert retry_after({"Retry-After": "3"}) == 3 and retry_after({"retry-after-ms": "250"}) == 0.25
    assert retry_after({}) is None and retry_after({"Retry-After": "soon"}) is None
