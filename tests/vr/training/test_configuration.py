"""Which versions a run's `config.json` names."""

from __future__ import annotations

import platform

import pytest
import torch

from attrgen.core.version import program_version
from vr.training.configuration import versions


def test_versions() -> None:
    noted = versions()
    assert noted["python"] == platform.python_version()
    assert torch.__version__.startswith(noted["torch"])
    assert noted["biomedvr"] == program_version()


@pytest.mark.usefixtures("not_installed")
def test_a_checkout_that_is_not_installed_is_named_by_its_source() -> None:
    assert versions() == {"python": platform.python_version(), "biomedvr": program_version()}
