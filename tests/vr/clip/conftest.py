"""Repositories of tiny CLIPs, a server that stands in for the Hugging Face hub, and their changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "stand_in"))


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ORG/REPO of six families; no test may change them."""
    pytest.importorskip("transformers")
    from hub_models import write_all

    root = tmp_path_factory.mktemp("hub")
    write_all(root)
    return root


@pytest.fixture
def hub(repositories: Path, tmp_path: Path) -> Iterator[Any]:
    """The hub of these repositories, with an empty cache; see `hub_server.Hub`."""
    from hub_patch import patched
    from hub_server import serve

    with serve(repositories) as server, patched(server.address, tmp_path / "hub-cache"):
        yield server


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[None]:
    """No hub, and nothing in its cache."""
    from hub_patch import patched

    with patched("http://127.0.0.1:9", tmp_path / "no-cache", offline=True):
        yield
