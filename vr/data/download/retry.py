"""Downloads that are tried again after a temporary failure, and the failures in the program's words."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from attrgen.core.decoding import reason_of
from attrgen.core.errors import UserError
from attrgen.core.network import (
    REQUESTS_CERTIFICATES,
    SSL_CERTIFICATES,
    certificates_remedy,
    malformed_proxies,
    missing_certificates,
    proxy_remedy,
)

T = TypeVar("T")

ATTEMPTS = 5
_CERTIFICATES = (*REQUESTS_CERTIFICATES, *SSL_CERTIFICATES)
_LONGEST_PAUSE = 60.0  # seconds


def retried(
    download: Callable[[], T],
    url: str,
    target: Path,
    *,
    pause: float,
    say: Callable[[str], None] = lambda line: None,
) -> T:
    """The result of `download`, which is called up to five times while its failure is temporary.

    Temporary are a server in trouble (status 408, 429, 5xx) and a connection that fails or ends early.

    Args:
        url, target: what is downloaded and where to, for messages.
        pause: seconds before the second attempt; doubled before each further one.
        say: called with a line before each further attempt.

    Raises:
        UserError: the server refuses, cannot be reached, or `target` cannot be written.
    """
    from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    def announce(state: RetryCallState) -> None:
        following = f"attempt {state.attempt_number + 1} of {ATTEMPTS} in {state.upcoming_sleep:.0f} s"
        say(f"{_reason(state.outcome.exception() if state.outcome else None)}: {following}")

    attempts = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=pause, max=_LONGEST_PAUSE),
        retry=retry_if_exception(_is_temporary),
        before_sleep=announce,
        reraise=True,
    )
    try:
        return attempts(download)
    except UserError:
        raise
    except Exception as error:
        raise _explained(error, url, target) from error


def _failures() -> tuple[type[BaseException], ...]:
    """What the two download libraries raise: `requests` has OSErrors only.

    `huggingface_hub` changed its HTTP library between versions; its own error has the base of all of them.
    """
    from huggingface_hub.errors import HfHubHTTPError

    return (OSError, *HfHubHTTPError.__bases__)


def _is_temporary(error: BaseException) -> bool:
    status = _status(error)
    if status is not None:
        return status >= 500 or status in (408, 429)
    permanent = _is_offline(error) or _is_local(error) or _is_proxy(error) or _is_certificates(error)
    return isinstance(error, _failures()) and not permanent


def _reason(error: BaseException | None) -> str:
    """Why there is another attempt, in a few words; the error's own have addresses of objects in them."""
    status = error and _status(error)
    return f"the server answers {status}" if status else "no answer, or its end is missing"


def _is_proxy(error: BaseException) -> bool:
    """Whether no answer came because a proxy cannot be used; for SOCKS, packages may be missing."""
    bad_address = isinstance(error, ValueError) and isinstance(error, OSError)  # of `requests`
    without_socks = isinstance(error, ImportError)
    return _status(error) is None and (bad_address or without_socks or bool(malformed_proxies()))


def _is_certificates(error: BaseException) -> bool:
    """Whether a certificate is refused, or there are none to check it with (`requests`: a bare OSError)."""
    from requests.exceptions import SSLError

    if isinstance(error, FileNotFoundError):
        return bool(missing_certificates(*_CERTIFICATES))
    return isinstance(error, (SSLError, ssl.SSLError)) or (type(error) is OSError and error.errno is None)


def _status(error: BaseException) -> int | None:
    """The status of the server's answer, or None where it gave none."""
    return getattr(getattr(error, "response", None), "status_code", None)


def _is_offline(error: BaseException) -> bool:
    from huggingface_hub.errors import OfflineModeIsEnabled

    return isinstance(error, OfflineModeIsEnabled)


def _is_local(error: BaseException) -> bool:
    """Whether the disk failed and not the network: its errors have a number."""
    network = isinstance(error, (ConnectionError, TimeoutError))
    return isinstance(error, OSError) and isinstance(error.errno, int) and not network


def _of_settings(error: BaseException, url: str) -> UserError | None:
    """The error where variables of the environment are its reason."""
    if _is_certificates(error):
        return UserError(
            f"{url} was not downloaded: its certificate cannot be verified",
            code="download-certificates",
            remedy=certificates_remedy(*_CERTIFICATES),
        )
    if _is_offline(error):
        return UserError(
            f"{url} was not downloaded: huggingface_hub is in offline mode",
            code="download-offline",
            remedy="Unset HF_HUB_OFFLINE.",
        )
    if _is_proxy(error) and not _is_local(error):
        return UserError(
            f"{url} was not downloaded: the settings of the proxy cannot be used",
            code="download-proxy",
            remedy=proxy_remedy(),
        )
    return None


def _explained(error: BaseException, url: str, target: Path) -> UserError:
    status = _status(error)
    if (of_settings := _of_settings(error, url)) is not None:
        return of_settings
    if _is_local(error):
        return UserError(
            f"cannot be written: {getattr(error, 'strerror', None) or error}",
            code="download-cannot-write",
            file=target,
            remedy="Free space or set VR_DATA to another disk, then run the same command again.",
        )
    if not isinstance(error, _failures()):  # the libraries take answers apart without a check of their form
        return UserError(
            f"{url} sends an answer that cannot be understood ({reason_of(error)})",
            code="download-bad-answer",
            remedy="Check the address, and that no proxy alters answers.",
        )
    if status is None or status >= 500 or status in (408, 429):
        return UserError(
            f"{url} cannot be reached ({error or type(error).__name__})",
            code="download-unreachable",
            remedy="Check the network, then run the same command again.",
        )
    response = getattr(error, "response", None)
    reason = (
        getattr(error, "server_message", None)
        or getattr(response, "reason_phrase", None)
        or getattr(response, "reason", "")
    )
    login = "It needs a login: accept the terms on its page and set HF_TOKEN to your access token."
    return UserError(
        f"{url} answers {status} {reason}".rstrip(),
        code="download-refused",
        remedy=login if status in (401, 403) else "Check the address; the file may have moved.",
    )
