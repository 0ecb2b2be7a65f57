"""Files of a model on the Hugging Face hub or in its cache, and the hub's errors in the program's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrgen.core.errors import UserError

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_PREFIX = "hf-hub:"


def repository(name: str) -> str | None:
    """The repository that a backbone's name stands for, `hf-hub:ORG/REPO` or `ORG/REPO`; None for others."""
    repo = name.removeprefix(_PREFIX)
    return repo if name.startswith(_PREFIX) or _REPOSITORY.fullmatch(repo) else None


def fetch(repo: str, files: Sequence[str], *, remedy: str) -> Path:
    """The first of `files` that the repository has, from the cache or else from the hub.

    Raises:
        UserError: the hub refuses or cannot be reached, or has none of the files; with the server's reason.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    missing: Exception | None = None
    for file in files:
        try:
            return Path(hf_hub_download(repo, file))
        except EntryNotFoundError as error:
            missing = missing or error
        except Exception as error:  # a refusal, or an answer of another form
            raise explained(error, repo, files, remedy=remedy) from error
    assert missing is not None
    raise explained(missing, repo, files, remedy=remedy) from missing


def explained(error: BaseException, repo: str, files: Sequence[str], *, remedy: str) -> UserError:
    """An error of the hub's library, or one that it caused, as a user's.

    Args:
        files: that were looked for.
        remedy: for files that cannot be had from here.
    """
    what = f"{' or '.join(files)} of {repo} could not be fetched"
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if response is None:
            continue
        status = int(response.status_code)
        reason = getattr(cause, "server_message", None) or response.headers.get("X-Error-Message") or ""
        what += f": the hub answers {status}" + (f" ({reason.strip().rstrip('.')})" if reason else "")
        if status in (401, 403):
            return UserError(
                what,
                code="hub-access-denied",
                remedy=f"Check the name. If the repository is private or gated, accept its terms on "
                f"huggingface.co/{repo} and set the environment variable HF_TOKEN to your access token.",
            )
        if status == 404:
            return UserError(what, code="hub-not-found", remedy=f"Check the name. {remedy}")
        return UserError(what, code="hub-refused", remedy=f"Try again later. {remedy}")
    reasons = [str(cause).strip().splitlines()[0] for cause in _causes(error) if str(cause).strip()]
    reason = reasons[-1] if reasons else type(error).__name__
    return UserError(f"{what}: {reason}", code="hub-unreachable", remedy=remedy)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, the latest first."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
