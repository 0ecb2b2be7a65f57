"""huggingface_hub in this process turned to another server and cache, or offline."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MODULES = (
    "huggingface_hub.constants",
    "huggingface_hub.file_download",
    "huggingface_hub.utils._http",
    "transformers.utils.hub",
)


@contextmanager
def patched(address: str, cache: Path, *, offline: bool = False) -> Iterator[None]:
    """As if HF_ENDPOINT, HF_HUB_CACHE and HF_HUB_OFFLINE were set, until the block ends.

    Older versions of the two libraries copy these values into several modules.
    """
    values: dict[str, Any] = {
        "ENDPOINT": address,
        "HUGGINGFACE_CO_RESOLVE_ENDPOINT": address,
        "HUGGINGFACE_CO_URL_TEMPLATE": address + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(cache),
        "TRANSFORMERS_CACHE": str(cache),
        "HF_HUB_OFFLINE": offline,
        "_is_offline_mode": offline,
        "_hf_api": None,  # the object of an earlier test would ask that test's server, and wait for it
    }
    before: list[tuple[Any, str, Any]] = []
    for module in map(importlib.import_module, MODULES):
        for name in values.keys() & vars(module).keys():
            before.append((module, name, getattr(module, name)))
            setattr(module, name, values[name])
    _forget_sessions()
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
        _forget_sessions()


def _forget_sessions() -> None:
    """Connections remember whether they were offline."""
    utils = importlib.import_module("huggingface_hub.utils")
    for name in ("reset_sessions", "close_session"):
        if hasattr(utils, name):
            getattr(utils, name)()
