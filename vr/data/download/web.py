"""A file of any web server, downloaded by pooch."""

from __future__ import annotations

import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from attrgen.core.errors import UserError
from vr.data.download.retry import retried

_TIMEOUT = 30.0  # seconds without a byte


def download(
    url: str, target: Path, *, pause: float = 1.0, say: Callable[[str], None] = lambda line: None
) -> None:
    """Download `url` to `target`, which appears once it is complete.

    Args:
        pause: seconds before the second attempt; doubled before each further one.
        say: called with a line before each further attempt.

    Raises:
        UserError: not an http address, the server refuses or cannot be reached, or the disk is full.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise UserError(
            f"'{url}' is not an http address",
            code="download-bad-address",
            remedy="Correct images.download in the card.",
        )
    import pooch

    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=_TIMEOUT)

    def retrieve() -> None:
        pooch.retrieve(url, known_hash=None, fname=target.name, path=target.parent, downloader=downloader)

    retried(retrieve, url, target, pause=pause, say=say)
