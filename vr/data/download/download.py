"""Downloads that survive: resumed after a cut, checked against the announced size and SHA-256."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from attrgen.core.errors import UserError

T = TypeVar("T")

_ATTEMPTS = 5
_TIMEOUT = 30.0  # seconds without a byte
_BLOCK = 2**20
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Remote:
    """A file on a server: where, how large, and its checksum where the server tells one."""

    url: str
    size: int | None
    sha256: str | None
    tag: str


def hub_url(place: str) -> str:
    """Address of `datasets/OWNER/REPO/FILE` on the Hugging Face hub, or on the mirror `HF_ENDPOINT`.

    Raises:
        UserError: the place is not of that form, or huggingface_hub is not installed.
    """
    found = re.fullmatch(r"(datasets/)?([^/]+/[^/]+)/(.+)", place)
    if found is None:
        raise UserError(f"'{place}' is no file on the hub", remedy="Write hub:datasets/OWNER/REPO/FILE.zip.")
    try:
        from huggingface_hub import hf_hub_url
    except ImportError as error:
        raise UserError("the hub needs huggingface_hub", remedy="pip install 'biomedvr[hub]'.") from error
    endpoint = os.environ.get("HF_ENDPOINT") or None
    kind = "dataset" if found[1] else None
    return str(hf_hub_url(found[2], found[3], repo_type=kind, endpoint=endpoint))


def look(url: str, *, pause: float = 1.0) -> Remote:
    """Ask a server about a file, following redirects on the same server only (the hub's answer stands there).

    Raises:
        UserError: not an http address, the server cannot be reached, or it refuses.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise UserError(f"'{url}' is no http address", remedy="Correct images.download in the card.")
    headers = _with_patience(lambda: _head(url), url, pause)
    tag = (headers.get("X-Linked-ETag") or headers.get("ETag") or "").removeprefix("W/").strip('"')
    size = headers.get("X-Linked-Size") or headers.get("Content-Length")
    return Remote(
        url, int(size) if size and size.isdigit() else None, tag if _SHA256.match(tag) else None, tag
    )


def fetch(
    remote: Remote,
    target: Path,
    *,
    pause: float = 1.0,
    progress: Callable[[int], None] = lambda size: None,
) -> None:
    """Download to `target`. What a cut leaves is kept beside it, and the next try or run goes on from there.

    Args:
        pause: seconds before the second try; doubled each time.
        progress: called with the number of bytes that are there.

    Raises:
        UserError: the server cannot be reached or refuses, keeps cutting the connection, or the file is not
            the one that was announced (then what came is deleted).
    """
    # The name holds the version, so that pieces of two versions are never joined.
    version = hashlib.sha256(f"{remote.url}|{remote.tag}|{remote.size}".encode()).hexdigest()[:12]
    partial = target.with_name(f".{target.name}.{version}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _with_patience(lambda: _continue(remote, partial, progress), remote.url, pause, grows=partial)
        _verify(remote, partial)
        partial.replace(target)
    except OSError as error:
        raise UserError(
            f"cannot be written: {error.strerror or error}",
            file=target,
            remedy="Free space, then run it again.",
        ) from error


def _continue(remote: Remote, partial: Path, progress: Callable[[int], None]) -> None:
    there = partial.stat().st_size if partial.exists() else 0
    if remote.size is not None and there == remote.size:
        return
    if remote.size is not None and there > remote.size:
        partial.unlink()
        there = 0
    request = urllib.request.Request(remote.url, headers={"Accept-Encoding": "identity"})
    if there:
        request.add_header("Range", f"bytes={there}-")
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        if answer.status != 206:
            there = 0  # the server sends the whole file
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {there}-"):
            partial.unlink()
            raise ConnectionError("the server sent another part of the file")
        with partial.open("ab" if there else "wb") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
                there += len(block)
                progress(there)
    if remote.size is not None and there < remote.size:
        raise ConnectionError(f"the connection ended after {there:,} of {remote.size:,} bytes")


def _verify(remote: Remote, partial: Path) -> None:
    size = partial.stat().st_size
    wrong = ""
    if remote.size is not None and size != remote.size:
        wrong = f"{size:,} bytes came, {remote.size:,} were announced"
    elif remote.sha256 is not None:
        with partial.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != remote.sha256:
            wrong = f"its SHA-256 is {found[:12]}…, not {remote.sha256[:12]}…"
    if wrong:
        partial.unlink()
        raise UserError(
            f"the download of {remote.url} is not the file that was announced: {wrong}",
            remedy="It was deleted. Run it again; if it stays so, something on the way alters files.",
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def _head(url: str) -> http.client.HTTPMessage:
    opener = urllib.request.build_opener(_NoRedirect)
    for _ in range(5):
        request = urllib.request.Request(url, method="HEAD", headers={"Accept-Encoding": "identity"})
        try:
            with opener.open(request, timeout=_TIMEOUT) as answer:
                headers: http.client.HTTPMessage = answer.headers
                return headers
        except urllib.error.HTTPError as error:
            moved = error.headers.get("Location") if 300 <= error.code < 400 else None
            if moved is None:
                raise
            if error.headers.get("X-Linked-Size"):
                # The hub hands large files to another server, and describes them itself.
                return cast(http.client.HTTPMessage, error.headers)
            url = urllib.parse.urljoin(url, moved)
    raise UserError(f"{url} redirects in circles", remedy="Correct images.download in the card.")


def _with_patience(work: Callable[[], T], url: str, pause: float, grows: Path | None = None) -> T:
    """Try again after a cut or a server's trouble; patience starts anew while `grows` grows."""
    failures, last_size = 0, 0
    while True:
        try:
            return work()
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise UserError(
                    f"{url} answers {error.code} {error.reason}",
                    remedy="Check the name; it may have moved, or need a login.",
                ) from error
            problem: Exception = error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            problem = error
        size = grows.stat().st_size if grows is not None and grows.exists() else 0
        failures = 1 if size > last_size else failures + 1
        last_size = size
        if failures >= _ATTEMPTS:
            reason = getattr(problem, "reason", None) or problem
            raise UserError(
                f"{url} cannot be reached ({reason})",
                remedy="Check the network; the same command goes on where it stopped.",
            ) from problem
        time.sleep(pause * 2 ** (failures - 1))
