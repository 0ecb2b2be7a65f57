"""What can go wrong with a request, whichever library or server it comes from.

Three kinds, told apart by what one can do about them: `Transient` is worth asking again, `Failed` ends this
request but not the build, `Fatal` ends the build because every other request would fare alike.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError

if TYPE_CHECKING:
    from openai import APIStatusError

LONGEST_WAIT = 300.0  # seconds; a server that asks for more is better asked again by the user


class Transient(Exception):
    """Worth asking again, after `wait` seconds if the server said so.

    `busy` says that the server wants fewer requests (429), `lost` that it cannot be reached at all.
    """

    def __init__(
        self, message: str, *, wait: float | None = None, busy: bool = False, lost: bool = False
    ) -> None:
        super().__init__(message)
        self.wait = wait
        self.busy = busy
        self.lost = lost


class FormatRejected(Exception):
    """The server answered 400 or the like: perhaps because of the structured-output mode."""


class Failed(Exception):
    """This request cannot be had: refused, or invalid or unavailable each time it was asked."""


class Fatal(UserError):
    """No request can be had: wrong key, unknown model, no such server."""


def from_status(
    error: APIStatusError, model: str, server: str, scrub: Callable[[str], str]
) -> Transient | FormatRejected | Fatal:
    """Our exception for an HTTP status that is no success; `scrub` takes the key out of its words."""
    status, said = error.status_code, scrub(_said(error))
    if status == 401:
        # The server's own words may repeat part of the key, so they are left out.
        return Fatal(
            f"{server} does not accept the API key (401)",
            code="server-key-rejected",
            remedy="Set OPENAI_API_KEY to a valid key for that server.",
        )
    if status == 403:
        return Fatal(
            f"{server} forbids the request (403): {said}",
            code="server-forbidden",
            remedy="Check the key's permissions.",
        )
    if status == 404:
        return Fatal(
            f"{server} knows no model '{model}' or no such address (404): {said}",
            code="server-unknown-model",
            remedy="Check --model and --base-url (it usually ends in /v1).",
        )
    if status == 429:
        if error.code == "insufficient_quota":
            return Fatal(
                f"the account's quota is used up (429): {said}",
                code="server-quota",
                remedy="Top it up, then run the same again.",
            )
        wait = retry_after(dict(error.response.headers))
        if wait is not None and wait > LONGEST_WAIT:
            return Fatal(
                f"{server} asks to wait {wait:.0f} s (429)",
                code="server-long-wait",
                remedy="Run the same again after that time.",
            )
        return Transient(f"429, too many requests: {said}", wait=wait, busy=True)
    if status in (408, 409) or status >= 500:
        return Transient(f"{status}: {said}", wait=retry_after(dict(error.response.headers)))
    return FormatRejected(f"{status}: {said}")


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


def _said(error: APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    text = str(message) if message else error.response.text
    return " ".join(text.split())[:300] or "(no explanation)"
