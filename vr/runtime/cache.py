"""Where what can be computed again is kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$VR_CACHE`, else `cache` in the working folder."""
    return Path(os.environ.get("VR_CACHE", "cache"))
