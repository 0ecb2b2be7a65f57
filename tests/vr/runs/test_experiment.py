"""What an experiment resolves to."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.runs.experiment import resolve


def test_runs_that_differ_never_share_a_directory(toy: Any, tmp_path: Path) -> None:

    changes: list[dict[str, Any]] = [
        {},
        {"options": {"fusion": "subtract"}},
        {"preset": "paper"},
        {"preset": "penalty"},
        {"recipe": {"epochs": 7}},
        {"select": "val"},
        {"shots": 2},
        {"seed": 2},
        {"method": "attrvr"},
        {"classes": ("bright spot", "dark ring")},
        {"classes": ("bright spot", "plain ground")},
        {"backbone": "mini", "weights": None},
    ]
    paths = [resolve(toy.experiment(**change)).path for change in changes]
    assert len(set(paths)) == len(paths), paths
    spelled_out = toy.experiment(options={"beta": 0.0}, recipe={"epochs": 3, "batch_size": 5, "lr": 5.0})
    assert resolve(spelled_out).path == paths[0]  # a default given by hand is no difference


def test_a_library_set_with_other_class_names_is_passed_over(toy: Any, tmp_path: Path) -> None:
    """A folder that happens to be called as a benchmark, whose classes are only partly those of its card."""
    for name, folder in (("bright_spot", "normal brain"), ("dark_ring", "something else")):
        shutil.copytree(toy.data / "train" / name, tmp_path / "btmri" / folder)
    said: list[str] = []
    change = {"dataset": str(tmp_path / "btmri"), "data": None, "attrs": None, "recipe": {}, "shots": 1}
    with pytest.raises(UserError) as caught:
        resolve(toy.experiment(**change, method="attrvr"), said.append)
    assert caught.value.code == "experiment-no-attributes"
    assert any("other class names" in line and "--dataset btmri" in line for line in said)
    with pytest.raises(UserError) as caught:
        resolve(toy.experiment(**change))
    assert caught.value.code == "experiment-no-attributes"
