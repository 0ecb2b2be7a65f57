"""What can go wrong with a request, whichever library or server it comes from.

Three kinds, by what can be done about them: `Transient` is worth asking again, `Failed` ends this request but
not the build, `Fatal` ends the build because every other request would fail as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from attrgen.core.errors import UserError
from attrgen.core.shell import command
from attrgen.llm.capabilities import about_format, affordable
from attrgen.llm.error_body import retry_after, wait_in

LONGEST_WAIT = 300.0  # seconds; if a server asks for more, the user runs the command again later


class Transient(Exception):
    """Worth asking again, after `wait` seconds if the server said so.

    Args:
        kind: what it is called in the summary of a build, such as "500".
        busy: a sign of overload (429, 503, a time-out).
        lost: the server cannot be reached at all.
        loading: the server is still loading the model (503).
        timed_out: there was no answer in time.
        unreadable: the response is no completion and no error.
    """

    def __init__(
        self,
        kind: str,
        explanation: str = "",
        *,
        wait: float | None = None,
        busy: bool = False,
        lost: bool = False,
        loading: bool = False,
        timed_out: bool = False,
        unreadable: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {explanation}" if explanation else kind)
        self.kind = kind
        self.wait = wait
        self.busy = busy
        self.lost = lost
        self.loading = loading
        self.timed_out = timed_out
        self.unreadable = unreadable


class Rejected(Exception):
    """The server rejects the request as it was sent; another form of it may be accepted.

    Args:
        words: what the server says.
        otherwise: the error where no other form helps.
    """

    def __init__(self, words: str, otherwise: Failed | Fatal) -> None:
        super().__init__(words)
        self.words = words
        self.otherwise = otherwise


class Failed(UserError):
    """This request has no usable answer: refused, or invalid or unavailable each time it was asked."""


class Fatal(UserError):
    """No request can succeed: wrong key, unknown model, no such server."""


@dataclass(frozen=True)
class ErrorResponse:
    """An error as a server sent it, with its own status or within a response of status 200.

    Args:
        words: its message, with the key taken out.
        kinds: its code and type.
    """

    status: int
    words: str
    kinds: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Everything that it says."""
        return f"{self.kinds} {self.words}".strip()


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


_FEWER = "Ask for fewer texts (--descriptive, --confusion, ...), or choose a model with a longer context."
_MEANINGS = (
    _Meaning(
        "server-context-length",
        (400, 413, 422, 500),
        _words(
            r"context.{0,3}(length|size|window)|maximum context|prompt is too long|too many tokens"
            r"|inputs? tokens.{0,40}must be"
        ),
        _FEWER,
        one_request=True,
    ),
    _Meaning(
        "server-context-length",
        (413, 429),  # larger than all that the account may send in a minute; waiting does not help
        _words(r"request too large|reduce (your|the) (message|prompt)"),
        _FEWER,
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
    _Meaning(
        "server-out-of-memory",
        (500, 503),
        _words(r"requires more (system |gpu )?memory"),
        "Choose a smaller --model, or free memory on the server's machine.",
    ),
    _Meaning(
        "server-wrong-address",
        (404, 405, 500),
        _words(
            r"unexpected endpoint|endpoint not found|page not found|no route|cannot post|unknown.{0,9} url"
        ),
        "Check --base-url: it usually ends in /v1.",
    ),
)
_BAD_KEY = _words(r"api.?key.{0,20}(not valid|invalid|expired)|(invalid|incorrect).{0,9}api.?key")
# Servers of many models answer 404 when none of them accepts an option of the request.
_NO_SUCH_FORMAT = _words(r"support.{0,40}(parameter|response_format|structured|schema)|handle the requested")
_LOADING = _words(
    r"\bloading\b|warming up|starting up|model.{0,20}not (yet )?(ready|loaded)|currently booting"
)
_OVERLOADED = (503, 529)


def from_response(error: ErrorResponse, model: str, server: str) -> Transient | Rejected | Failed | Fatal:
    """Our exception for a response that is no success."""
    status = error.status
    if status == 401 or (status in (400, 403) and _BAD_KEY.search(error.text)):
        # The server's own words may repeat part of the key, so they are left out.
        return Fatal(
            f"{server} does not accept the API key ({status})",
            code="server-key-rejected",
            remedy="Set OPENAI_API_KEY to a valid key for that server.",
        )
    if status < 400:
        return _redirected(error, server)
    wait = retry_after(error.headers)
    wait = wait_in(error.text) if wait is None else wait
    if (meaning := _meaning(error)) is not None:
        kind = Failed if meaning.one_request else Fatal
        return kind(f"{server} answers {status}: {error.words}", code=meaning.code, remedy=meaning.remedy)
    if status == 429 and wait is not None and wait > LONGEST_WAIT:
        return Fatal(
            f"{server} asks to wait {wait:.0f} s (429): {error.words}",
            code="server-long-wait",
            remedy="Run the same again after that time.",
        )
    if status == 429:
        return Transient("429, too many requests", error.words, wait=wait, busy=True)
    if status in (408, 409) or status >= 500:
        return _server_error(error, server, wait)
    return _refused(error, model, server)


def _redirected(error: ErrorResponse, server: str) -> Fatal:
    """Redirects are not followed: the key would go to an address that the user did not name."""
    target = error.headers.get("location", "").removesuffix("/chat/completions")
    known = target.startswith(("http://", "https://"))
    return Fatal(
        f"{server} redirects to {target or 'another address'} ({error.status})",
        code="server-redirects",
        remedy=f"Give --base-url {target}, if you trust it." if known else "Check --base-url.",
    )


def _server_error(error: ErrorResponse, server: str, wait: float | None) -> Transient | Rejected:
    status = error.status
    if status in (500, 501) and about_format(error.text):
        return Rejected(error.text, Failed(f"{server} answers {status}: {error.words}", code="server-error"))
    loading = status == 503 and _LOADING.search(error.text) is not None
    kind = f"{status}, loading" if loading else str(status)
    return Transient(kind, error.words, wait=wait, busy=status in _OVERLOADED, loading=loading)


def _doctor(model: str, server: str) -> str:
    return command("attrgen", "doctor", "--base-url", server, "--model", model)


def _refused(error: ErrorResponse, model: str, server: str) -> Rejected | Fatal:
    """The error for a status that every request to that server would get, at least in this form."""
    status, words = error.status, error.words
    if status == 402:
        unpaid = Fatal(
            f"{server} asks for payment (402): {words}",
            code="server-no-credit",
            remedy="Add credit to the account, then run the same again.",
        )
        return unpaid if affordable(words) is None else Rejected(words, unpaid)
    if status == 403:
        return Fatal(
            f"{server} forbids the request (403): {words}",
            code="server-forbidden",
            remedy="Check that the key may use this model, in this country and from this network.",
        )
    if status in (404, 405):
        fatal = Fatal(
            f"{server} has no model '{model}', or no such address ({status}): {words}",
            code="server-unknown-model",
            remedy="Check --model and --base-url (it usually ends in /v1); "
            f"{_doctor(model, server)} lists the server's models.",
        )
        unclear = _NO_SUCH_FORMAT.search(words) or (error.kinds and not _MODEL.search(error.text))
        return Rejected(words, fatal) if status == 404 and unclear else fatal
    if _UNKNOWN_MODEL.search(error.text):
        return Fatal(
            f"{server} has no model '{model}' ({status}): {words}",
            code="server-unknown-model",
            remedy=f"Check --model; {_doctor(model, server)} lists the server's models.",
        )
    return Rejected(
        error.text,
        Fatal(
            f"{server} rejects the request ({status}): {words}",
            code="server-rejects-request",
            remedy="Check --model, --structured, --extra-body and the sampling options.",
        ),
    )


_MODEL = _words(r"model|deployment|engine|not_found")
_UNKNOWN_MODEL = _words(
    r"model_not_found|(?:invalid|unknown|no such) model|model .{0,60}(?:not found|does not exist)"
)


def _meaning(error: ErrorResponse) -> _Meaning | None:
    matches = (item for item in _MEANINGS if error.status in item.statuses)
    return next((item for item in matches if item.words.search(error.text)), None)
