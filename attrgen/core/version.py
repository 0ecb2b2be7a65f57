"""The version of this program."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "biomedvr"  # the name under which both packages are installed
_PACKAGES = ("attrgen", "vr")


def program_version() -> str:
    """The version that is installed; in a checkout that is not, a name that other source does not have."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return f"(not installed; source {_source()[:12]})"


@cache
def _source() -> str:
    """SHA-256 of the Python files of both packages, as hexadecimal digits."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for file in sorted(file for package in _PACKAGES for file in (root / package).rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
