"""Two runs compared: counts by loops, intervals by plain resampling of images, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.evaluation.significance import mcnemar
from vr.report.comparison import pair as pairs
from vr.report.comparison.page import make_page
from vr.report.comparison.pair import Side, compare, pair_of
from vr.report.comparison.results import Result
from vr.runs import run as runs
from vr.runs.predictions import Predictions

Finished = Callable[..., Result]
NAMES = ("a", "b", "c")


def side(name: str, *seeds: Predictions) -> Side:
    return Side(name, (), dict(enumerate(seeds, 1)))


def random(seed: int, *, right: float, images: int = 240, groups: bool = False) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    answers = np.where(rng.random(images) < right, labels, rng.integers(0, 3, images))
    logits = torch.nn.functional.one_hot(torch.tensor(answers), 3) + torch.tensor(rng.random((images, 3))) / 3
    known = tuple(number // 6 for number in range(images)) if groups else None
    return Predictions(NAMES, tuple(f"{n}.png" for n in range(images)), torch.tensor(labels), logits, known)


def test_counts_per_class_equal_loops_over_images() -> None:
    first, second = random(1, right=0.5), random(2, right=0.7)
    rows = torch.randperm(240, generator=torch.Generator().manual_seed(0)).tolist()
    made = pair_of(side("A", first), side("B", pairs.subset(second, rows)))
    for entry in made.classes:
        counts = {"both": 0, "only_first": 0, "only_second": 0, "neither": 0}
        for row, label in enumerate(first.labels.tolist()):
            if NAMES[label] == entry.name:
                one, other = (int(run.predicted[row]) == label for run in (first, second))
                key = ("both" if other else "only_first") if one else ("only_second" if other else "neither")
                counts[key] += 1
        assert {key: getattr(entry, key) for key in counts} == counts
        assert entry.images == sum(counts.values()) == 80
        expected = mcnemar(
            *(
                (run.predicted == run.labels)[first.labels == NAMES.index(entry.name)].numpy()
                for run in (first, second)
            )
        )
        assert entry.difference.p == pytest.approx(expected) and entry.p >= expected
    assert made.other_answers == pytest.approx(float((first.predicted != second.predicted).float().mean()))


@pytest.mark.parametrize("groups", [False, True])
def test_intervals_of_metrics_equal_plain_resampling(groups: bool) -> None:
    """Images, or whole groups, are drawn; the same for both runs and both seeds."""
    sides = [
        [random(10 * number + seed, right=right, groups=groups) for seed in (1, 2)]
        for number, right in ((1, 0.45), (2, 0.6))
    ]
    made = pair_of(side("A", *sides[0]), side("B", *sides[1]))
    rng = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {"balanced_accuracy": [], "macro_f1": []}
    labels = sides[0][0].labels.numpy()
    for _ in range(600):
        if groups:
            rows = np.concatenate([np.arange(6) + 6 * group for group in rng.integers(0, 40, 40)])
        else:
            rows = rng.integers(0, 240, 240)
        values = [
            [
                (
                    balanced_accuracy_score(labels[rows], run.predicted.numpy()[rows]),
                    f1_score(labels[rows], run.predicted.numpy()[rows], average="macro"),
                )
                for run in runs_of
            ]
            for runs_of in sides
        ]
        difference = np.mean(values[1], 0) - np.mean(values[0], 0)
        drawn["balanced_accuracy"].append(difference[0])
        drawn["macro_f1"].append(difference[1])
    by_key = {entry.key: entry for entry in made.metrics}
    for key, values in drawn.items():
        assert (by_key[key].low, by_key[key].high) == pytest.approx(
            tuple(np.quantile(values, [0.025, 0.975])), abs=0.015
        )
    assert (by_key["accuracy"].low, by_key["accuracy"].high) == (made.difference.low, made.difference.high)
    assert made.difference.groups == (40 if groups else None)


@pytest.fixture
def cells(finished: Finished) -> dict[str, Path]:
    """Two seeds of two methods, each with its files."""
    folders = {}
    for method, rows in (("vp", [1, 1, 0, 0] * 10), ("attrvr", [1, 1, 1, 0] * 10)):
        for seed in (1, 2):
            result = finished(method, rows[seed:] + rows[:seed], seed=seed)
            runs.write_config(result.path, result.config)
            (result.path / runs.METRICS).write_text(json.dumps(result.metrics))
        folders[method] = result.path.parent
    return folders


def test_two_runs_and_two_folders_of_seeds(cells: dict[str, Path]) -> None:
    made = compare(cells["vp"], cells["attrvr"])
    assert made.seeds == (1, 2) and made.difference.mean == pytest.approx(0.25)
    assert (made.first.name, made.second.name) == ("vp", "attrvr") and "seed" not in made.common
    single = compare(cells["vp"] / "seed-1", cells["attrvr"] / "seed-1")
    assert single.seeds == (1,) and "seed 1" in single.common
    other_seeds = compare(cells["vp"] / "seed-1", cells["attrvr"] / "seed-2")
    assert other_seeds.seeds == (1,)


def test_the_command_prints_a_table_or_json(cells: dict[str, Path], tmp_path: Path) -> None:
    paths = [str(cells["vp"] / "seed-1"), str(cells["attrvr"] / "seed-1")]
    shown = CliRunner().invoke(app, ["compare", *paths])
    assert shown.exit_code == 0 and "+25.0" in shown.output and "only B" in shown.output
    printed = json.loads(CliRunner().invoke(app, ["compare", *paths, "--json"]).output)
    assert printed["format"] == "comparison/1" and printed["accuracy"]["mean"] == pytest.approx(0.25)
    for name in ("cyst", "stone"):
        counts = printed["classes"][name]
        assert counts["images"] == sum(counts[k] for k in ("both", "only_first", "only_second", "neither"))


def test_what_cannot_be_compared_is_refused(cells: dict[str, Path], finished: Finished) -> None:
    def code(first: Path, second: Path) -> str:
        with pytest.raises(UserError) as caught:
            compare(first, second)
        return caught.value.code

    assert code(cells["vp"], cells["vp"] / "seed-1") == "compare-same-run"
    assert code(cells["vp"].parents[2], cells["vp"]) == "compare-several-settings"
    shutil.rmtree(cells["attrvr"] / "seed-1")
    shutil.rmtree(cells["vp"] / "seed-2")
    assert code(cells["vp"], cells["attrvr"] / "nothing") == "compare-no-runs"
    fewer = finished("ar", [1, 0] * 4)
    runs.write_config(fewer.path, fewer.config)
    (fewer.path / runs.METRICS).write_text(json.dumps(fewer.metrics))
    assert code(cells["vp"], fewer.path) == "compare-other-images"


def test_a_page_of_two_runs_says_where_they_disagree(finished: Finished) -> None:
    two = [finished("vp", [1, 1, 0, 0] * 10), finished("attrvr", [1, 1, 1, 0] * 10)]
    page: Any = make_page(two)
    assert "Where they disagree" in page
    assert "Where they disagree" not in make_page([*two, finished("ar", [1, 0] * 20)])
