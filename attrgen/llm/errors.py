"""What can go wrong with a request, whichever library or server it comes from.

Three kinds, by what can be done about them: `Transient` is worth asking again, `Failed` ends this request but
not the build, `Fatal` ends the build because every other request would fail as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError

if TYPE_CHECKING:
    from openai import APIStatusError

LONGEST_WAIT = 300.0  # seconds; if a server asks for more, the user runs the command again later


class Transient(Exception):
    """Worth asking again, after `wait` seconds if the server said so.

    Args:
        kind: what it is called in the summary of a build, such as "500".
        busy: the server asks for fewer requests (429).
        lost: the server cannot be reached at all.
    """

    def __init__(
        self,
        kind: str,
        explanation: str = "",
        *,
        wait: float | None = None,
        busy: bool = False,
        lost: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {explanation}" if explanation else kind)
        self.kind = kind
        self.wait = wait
        self.busy = busy
        self.lost = lost


class FormatRejected(Exception):
    """The server answered 400 or the like: perhaps because of the structured-output mode."""


class Failed(UserError):
    """This request has no usable answer: refused, or invalid or unavailable each time it was asked."""


class Fatal(UserError):
    """No request can succeed: wrong key, unknown model, no such server."""


@dataclass(frozen=True)
class _Meaning:
    """What an error response means, where its status alone does not say it.

    Args:
        code: our error code.
        statuses: the statuses with which servers send it.
        words: matches the server's code, type or message; servers share no code for these cases.
        remedy: what the user can do.
        one_request: only this request fails, others may succeed.
    """

    code: str
    statuses: tuple[int, ...]
    words: re.Pattern[str]
    remedy: str
    one_request: bool = False


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_MEANINGS = (
    _Meaning(
        "server-context-length",
        (400, 413, 422, 500),
        _words(r"context.{0,3}(length|size|window)|maximum context|prompt is too long|too many tokens"),
        "Ask for fewer texts (--descriptive, --confusion, ...), or choose a model with a longer context.",
        one_request=True,
    ),
    _Meaning(
        "server-content-filter",
        (400, 403),
        _words(r"content.?(filter|policy|management)|moderation|flagged|responsible.?ai"),
        "Reword the class or the template (--prompts), or choose another model.",
        one_request=True,
    ),
    _Meaning(
        "server-no-credit",
        (400, 403, 429),
        _words(r"insufficient.?(quota|balance|credits?|funds)|credit balance|billing.?hard.?limit"),
        "Add credit to the account, then run the same again.",
    ),
    _Meaning(
        "server-daily-limit",
        (429,),
        _words(r"per.?day|daily|\b[RT]PD\b"),
        "Run the same again when the limit is reset, or choose another model.",
    ),
)
# Servers of many models answer 404 when none of them accepts an option of the request.
_NO_SUCH_FORMAT = _words(r"support.{0,40}(parameter|response_format|structured|schema)|handle the requested")


def from_status(
    error: APIStatusError, model: str, server: str, scrub: Callable[[str], str]
) -> Transient | FormatRejected | Failed | Fatal:
    """Our exception for an HTTP status that is no success; `scrub` takes the key out of its words."""
    status, explanation = error.status_code, scrub(_explanation(error))
    if status == 401:
        # The server's own words may repeat part of the key, so they are left out.
        return Fatal(
            f"{server} does not accept the API key (401)",
            code="server-key-rejected",
            remedy="Set OPENAI_API_KEY to a valid key for that server.",
        )
    wait = retry_after(dict(error.response.headers))
    if (meaning := _meaning(error, explanation)) is not None:
        kind = Failed if meaning.one_request else Fatal
        return kind(f"{server} answers {status}: {explanation}", code=meaning.code, remedy=meaning.remedy)
    if status == 429 and wait is not None and wait > LONGEST_WAIT:
        return Fatal(
            f"{server} asks to wait {wait:.0f} s (429): {explanation}",
            code="server-long-wait",
            remedy="Run the same again after that time.",
        )
    if status == 429:
        return Transient("429, too many requests", explanation, wait=wait, busy=True)
    if status in (408, 409) or status >= 500:
        return Transient(str(status), explanation, wait=wait)
    if status == 404 and _NO_SUCH_FORMAT.search(explanation):
        return FormatRejected(f"404: {explanation}")
    return _refused(status, explanation, model, server) or FormatRejected(f"{status}: {explanation}")


def _refused(status: int, explanation: str, model: str, server: str) -> Fatal | None:
    """The error for a status that every request to that server would get."""
    if status == 402:
        return Fatal(
            f"{server} asks for payment (402): {explanation}",
            code="server-no-credit",
            remedy="Add credit to the account, then run the same again.",
        )
    if status == 403:
        return Fatal(
            f"{server} forbids the request (403): {explanation}",
            code="server-forbidden",
            remedy="Check that the key may use this model, in this country and from this network.",
        )
    if status == 404:
        return Fatal(
            f"{server} has no model '{model}', or no such address (404): {explanation}",
            code="server-unknown-model",
            remedy="Check --model and --base-url (it usually ends in /v1).",
        )
    return None


def _meaning(error: APIStatusError, explanation: str) -> _Meaning | None:
    text = " ".join(str(part) for part in (error.code, error.type, explanation) if part)
    matches = (item for item in _MEANINGS if error.status_code in item.statuses)
    return next((item for item in matches if item.words.search(text)), None)


def retry_after(headers: dict[str, str]) -> float | None:
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


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _explanation(error: APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    text = str(message) if message else error.response.text
    return " ".join(text.split())[:300] or "(no explanation)"
