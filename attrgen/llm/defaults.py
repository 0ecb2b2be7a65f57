"""What the command line and the Python API take where nothing is given. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

DEFAULT_MODEL = "gpt-5.4-mini"
CACHE_VARIABLE = "ATTRGEN_CACHE"  # an environment variable that names another cache
DEFAULT_CACHE = Path("cache")
