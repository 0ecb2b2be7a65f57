"""huggingface_hub in this process turned to another server and cache, or offline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def patched(address: str, cache: Path, *, offline: bool = False) -> Iterator[None]:
    """As if HF_ENDPOINT, HF_HUB_CACHE and HF_HUB_OFFLINE were set, until the block ends."""
    from huggingface_hub import constants

    values = {"ENDPOINT": address, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": offline}
    values["HUGGINGFACE_CO_URL_TEMPLATE"] = address + "/{repo_id}/resolve/{revision}/{filename}"
    before = {name: getattr(constants, name) for name in values if hasattr(constants, name)}
    for name in before:
        setattr(constants, name, values[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(constants, name, value)
