"""What the body and the headers of an error say: its message, its codes, and how long to wait."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


def error_of(body: Any) -> tuple[int | None, str, str]:
    """Status, message and kinds in the body of an error, whichever form it has."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, list) and error:
        error = error[0].get("error", error[0]) if isinstance(error[0], dict) else error[0]
    if not isinstance(error, dict):
        seconds = body.get("estimated_time") if isinstance(body, dict) else None
        return None, _one_line(error), "" if seconds is None else f"retry in {seconds} s"
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    message = f"{message}: {raw}" if raw and str(raw) not in str(message) else message
    inner = error.get("innererror")
    codes: tuple[Any, ...] = (
        error.get("code"),
        error.get("type"),
        error.get("param"),
        inner,
        *_details(error),
    )
    status = next((code for code in (*codes, error.get("status")) if _is_status(code)), None)
    return status, _one_line(message), " ".join(str(code) for code in codes if code)


def _details(error: Mapping[str, Any]) -> Iterator[str]:
    """What Google's errors say further down: the limits that were passed, the reason, and when to retry."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and isinstance(violation.get("quotaId"), str):
                yield violation["quotaId"]
        if isinstance(detail.get("reason"), str):
            yield detail["reason"]
        if isinstance(detail.get("retryDelay"), str):
            yield f"retry in {detail['retryDelay']}"


def _is_status(code: object) -> bool:
    return isinstance(code, int) and 400 <= code <= 599


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:300] if text else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After-Ms` or `Retry-After` (seconds or an HTTP date), or None."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        if "retry-after-ms" in lower:
            return max(0.0, float(lower["retry-after-ms"]) / 1000)
        return max(0.0, float(lower["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        return _until(lower.get("retry-after", ""))


_WAIT = re.compile(
    r"(?:try again|retry)\s+(?:in|after)\s+(?:about\s+)?(?:(?P<m>\d+)\s*m(?!s|illi)(?:in\w*)?\s*)?"
    r"(?:(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|milliseconds|s|sec\w*)\b)?",
    re.IGNORECASE,
)


def wait_in(words: str) -> float | None:
    """Seconds to wait by a server's words, such as "try again in 1m30.5s", or None."""
    match = _WAIT.search(words)
    if match is None or not (match["m"] or match["number"]):
        return None
    seconds = float(match["number"] or 0) / (1000 if (match["unit"] or "").startswith("m") else 1)
    return 60.0 * int(match["m"] or 0) + seconds


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
