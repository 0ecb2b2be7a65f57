"""Names of runs: only what differs; and runs by the words of a user."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from attrgen.core.errors import UserError
from vr.report.comparison.naming import find_label, find_run, short_names
from vr.report.comparison.results import Result

Finished = Callable[..., Result]
RIGHT = [1, 1, 0, 1]


def test_only_what_differs_is_in_the_names(finished: Finished) -> None:
    seeds = [finished("biomedvr", RIGHT, seed=seed, fusion="subtract") for seed in (1, 2)]
    assert short_names(seeds) == ("biomedvr, fusion=subtract, 16 shots, mini, toy", ["seed 1", "seed 2"])
    methods = [finished("vp", RIGHT), finished("biomedvr", RIGHT, shots=1, gate="per-class")]
    assert short_names(methods) == (
        "seed 1, mini, toy",
        ["vp, defaults, 16 shots", "biomedvr, gate=per-class, 1 shot"],
    )
    backbones = [finished("ar", RIGHT, backbone=name) for name in ("mini", "large")]
    assert short_names(backbones)[1] == ["mini", "large"]


def test_runs_of_the_same_settings_are_told_apart(finished: Finished) -> None:
    first = finished("vp", RIGHT)
    other = finished("vp", RIGHT, dataset="again", changes={"card": first.config.card})
    assert short_names([first, other])[1] == [
        "(toy/mini/vp/16-shot/seed-1)",
        "(again/mini/vp/16-shot/seed-1)",
    ]
    sample = finished(
        "vp", RIGHT, backbone="x", changes={"fewshot": "f" * 64, "backbone": first.config.backbone}
    )
    assert short_names([first, sample])[1] == ["sample 0000000", "sample fffffff"]


def test_a_run_is_found_by_directory_method_or_label(finished: Finished) -> None:
    runs = [
        finished("vp", RIGHT),
        finished("biomedvr", RIGHT),
        finished("biomedvr", RIGHT, fusion="subtract"),
    ]
    assert find_run(runs, "vp") == 0
    assert find_run(runs, "biomedvr") == 1  # the label of one, though the method of two
    assert find_run(runs, "biomedvr fusion=subtract") == 2
    assert find_run(runs, str(runs[2].path)) == 2
    two = [*runs, finished("vp", RIGHT, seed=2)]
    for name, code in (("coop", "compare-unknown-baseline"), ("vp", "compare-ambiguous-baseline")):
        with pytest.raises(UserError) as caught:
            find_run(two, name)
        assert caught.value.code == code


def test_a_row_is_found_by_an_unambiguous_method() -> None:
    labels = ["attrvr lr=5.0", "vp", "vp lr=5.0", "ar lr=1", "ar lr=2"]
    assert find_label(labels, "attrvr") == "attrvr lr=5.0"
    assert find_label(labels, "vp") == "vp"
    for name, code in (("coop", "table-unknown-baseline"), ("ar", "table-ambiguous-baseline")):
        with pytest.raises(UserError) as caught:
            find_label(labels, name)
        assert caught.value.code == code


def test_a_row_is_found_as_its_folder_spells_it() -> None:
    labels = ["attrvr epochs=3", "attrvr epochs=3 select=val", "vp"]
    assert find_label(labels, "attrvr+epochs=3") == "attrvr epochs=3"
    assert find_label(labels, "attrvr select=val epochs=3") == "attrvr epochs=3 select=val"
