"""A file of the Hugging Face hub: resumed after a cut, checked against the announced size and SHA-256."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from vr.data.download.retry import retried

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

_ADDRESS = re.compile(r"(datasets/)?([^/]+/[^/]+)/(.+)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def hub_url(address: str) -> str:
    """URL of `datasets/OWNER/REPOSITORY/FILE` on the hub, or on the mirror `HF_ENDPOINT`.

    Raises:
        UserError: the address is not of that form.
    """
    from huggingface_hub import hf_hub_url

    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise UserError(
            f"'{address}' is not a file on the hub",
            code="download-bad-address",
            remedy="Write hub:datasets/OWNER/REPOSITORY/FILE.zip in the card: images.download.",
        )
    kind = "dataset" if parts[1] else None
    return str(hf_hub_url(parts[2], parts[3], repo_type=kind, endpoint=os.environ.get("HF_ENDPOINT") or None))


def download(
    url: str, target: Path, *, pause: float = 1.0, say: Callable[[str], None] = lambda line: None
) -> None:
    """Download a file of the hub to `target`, which appears once it is complete and verified.

    What an interrupted download left is kept beside `target`, and the next call continues it.

    Args:
        url: as `hub_url` gives it.
        pause: seconds before the second attempt; doubled before each further one.
        say: called with a line before each further attempt.

    Raises:
        UserError: the hub refuses or cannot be reached, the disk is full, or the file is not the announced
            one (which is then deleted).
    """
    from huggingface_hub import get_hf_file_metadata

    announced = retried(lambda: get_hf_file_metadata(url), url, target, pause=pause, say=say)
    # The name holds the version, so that parts of two versions are never joined.
    version = hashlib.sha256(f"{url}|{announced.etag}|{announced.size}".encode()).hexdigest()[:12]
    partial = target.with_name(f".{target.name}.{version}.part")
    retried(lambda: _continue(announced, url, partial), url, target, pause=pause, say=say)
    _verify(announced, url, partial)
    partial.replace(target)


def _continue(announced: HfFileMetadata, url: str, partial: Path) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    partial.parent.mkdir(parents=True, exist_ok=True)
    if announced.size is not None and partial.exists() and partial.stat().st_size > announced.size:
        partial.unlink()
    # The token is for the hub alone, not for the server that stores the file.
    same_server = urllib.parse.urlsplit(url).netloc == urllib.parse.urlsplit(announced.location).netloc
    with partial.open("ab") as file:
        http_get(
            announced.location,
            file,
            resume_size=file.tell(),
            headers=build_hf_headers() if same_server else {},
            expected_size=announced.size,
            displayed_filename=url.rsplit("/", 1)[-1],
        )


def _verify(announced: HfFileMetadata, url: str, partial: Path) -> None:
    import pooch

    expected = announced.etag or ""
    if not _SHA256.fullmatch(expected):
        return  # the hub announces the checksum of large files only
    actual = pooch.file_hash(str(partial), alg="sha256")
    if actual != expected:
        partial.unlink()
        raise UserError(
            f"the download of {url} is not the announced file: its SHA-256 is {actual[:12]}…, not "
            f"{expected[:12]}…",
            code="download-wrong-checksum",
            remedy="It was deleted. Run the same command again; if that fails too, a proxy alters files.",
        )
