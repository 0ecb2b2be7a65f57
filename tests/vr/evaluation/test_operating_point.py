"""Operating points against scikit-learn: threshold, measures, intervals, ROC, PR and net benefit."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.evaluation import operating_point as points
from vr.evaluation.binary_measures import (
    PREVALENCES,
    THRESHOLDS,
    measures,
    net_benefit,
    net_benefit_of_all,
)
from vr.evaluation.curve_points import write_curves
from vr.runs import predictions as tables
from vr.runs import run as runs
from vr.runs.predictions import Predictions

CLASSES = ("cyst", "stone", "tumor")


def _scored(images: int, seed: int = 0, ties: bool = False, groups: int | None = None) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, images)
    logits = rng.normal(size=(images, 3)) + 1.5 * np.eye(3)[labels]
    if ties:
        logits = np.round(logits)
    return Predictions(
        CLASSES,
        tuple(f"{number}.png" for number in range(images)),
        torch.tensor(labels),
        torch.tensor(logits),
        None if groups is None else tuple(f"patient {number % groups}" for number in range(images)),
    )


def _choose(
    scored: Predictions, target: Any, value: float, temperature: float = 1.0
) -> points.OperatingPoint:
    words = {"temperature": temperature, "model": "m", "images_from": "validation images"}
    return points.choose(scored, "tumor", target, value, **words)


def _binary(scored: Predictions, temperature: float = 1.0) -> tuple[Any, Any]:
    return (scored.logits / temperature).softmax(1)[:, 2].numpy(), (scored.labels == 2).numpy()


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("value", [0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_threshold_is_the_best_on_the_roc_curve(value: float, seed: int, ties: bool) -> None:
    scored = _scored(90, seed, ties)
    scores, positive = _binary(scored, 1.7)
    scores = scores.round(9)  # equal but for rounding
    false, true, _ = reference.roc_curve(positive, scores, drop_intermediate=False)
    for target in ("sensitivity", "specificity"):
        flagged = _choose(scored, target, value, 1.7).flags(scored.logits, CLASSES)
        sensitivity = reference.recall_score(positive, flagged)
        specificity = reference.recall_score(~positive, ~flagged)
        if target == "sensitivity":
            assert sensitivity >= value
            assert math.isclose(specificity, 1 - false[true >= value - 1e-12].min())
        else:
            assert specificity >= value
            assert math.isclose(sensitivity, true[1 - false >= value - 1e-12].max())


def test_rounding_of_scores_does_not_change_what_counts() -> None:
    scored = _scored(200)
    for target in points.TARGETS:
        point = _choose(scored, target, 0.9)
        exact = point.flags(scored.logits, CLASSES)
        rounded = torch.tensor([[float(f"{value:.6f}") for value in row] for row in scored.logits.tolist()])
        assert (point.flags(rounded, CLASSES) == exact).all()


def test_measures_equal_those_of_sklearn_and_scipy() -> None:
    from scipy.stats import binomtest

    scored = _scored(150, 3)
    scores, positive = _binary(scored)
    flagged = scores >= 0.4
    values = measures(flagged, positive)
    assert values["method"] == "Wilson"
    assert values["sensitivity"] == reference.recall_score(positive, flagged)
    assert values["specificity"] == reference.recall_score(~positive, ~flagged)
    assert values["ppv"] == reference.precision_score(positive, flagged)
    assert values["npv"] == reference.precision_score(~positive, ~flagged)
    tn, fp, fn, tp = reference.confusion_matrix(positive, flagged).ravel().tolist()
    names = ("true_positive", "false_positive", "false_negative", "true_negative")
    assert [values["counts"][name] for name in names] == [tp, fp, fn, tn]
    expected = binomtest(tp, tp + fn).proportion_ci(0.95, method="wilson")
    assert values["intervals"]["sensitivity"] == pytest.approx([expected.low, expected.high])
    expected = binomtest(tn, tn + fn).proportion_ci(0.95, method="wilson")
    assert values["intervals"]["npv"] == pytest.approx([expected.low, expected.high])


def test_intervals_over_groups_are_wider_and_equal_a_bootstrap_by_hand() -> None:
    scored = _scored(60, 5)
    labels, logits = scored.labels.repeat(4), scored.logits.repeat(4, 1)  # four equal images per patient
    patients = [f"patient {number}" for _ in range(4) for number in range(60)]
    positive = (labels == 2).numpy()
    flagged = (logits.softmax(1)[:, 2] >= 0.4).numpy()
    grouped, alone = measures(flagged, positive, patients), measures(flagged, positive)
    assert grouped["method"] == "bootstrap over groups"
    rng, drawn = np.random.default_rng(9), []
    hits, images = (flagged & positive)[:60], positive[:60]
    for _ in range(4000):
        rows = rng.integers(0, 60, 60)
        if images[rows].any():
            drawn.append(hits[rows].sum() / images[rows].sum())
    assert grouped["intervals"]["sensitivity"] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.03)
    width = {key: np.ptp(value["intervals"]["sensitivity"]) for key, value in (("g", grouped), ("a", alone))}
    assert width["g"] > 1.6 * width["a"]


def test_predictive_values_at_another_prevalence_are_those_of_such_a_collection() -> None:
    positive = np.array([True] * 40 + [False] * 60)
    flagged = np.array([True] * 30 + [False] * 10 + [True] * 12 + [False] * 48)
    values = {row["prevalence"]: row for row in measures(flagged, positive)["at_prevalence"]}
    assert tuple(values) == PREVALENCES
    rare = np.r_[np.repeat(positive[:40], 1), np.tile(positive[40:], 6)]  # 40 of 400: 10%
    called = np.r_[flagged[:40], np.tile(flagged[40:], 6)]
    assert values[0.1]["ppv"] == pytest.approx(reference.precision_score(rare, called))
    assert values[0.1]["npv"] == pytest.approx(reference.precision_score(~rare, ~called))


def test_what_is_not_defined_is_none() -> None:
    positive = np.array([True, False, False])
    values = measures(np.array([False, False, False]), positive)
    assert values["ppv"] is None and values["intervals"]["ppv"] is None and values["npv"] == 2 / 3
    grouped = measures(np.array([False, False, False]), positive, ["a", "b", "c"])
    assert grouped["intervals"]["ppv"] is None


def test_curves_as_csv_equal_those_of_sklearn(tmp_path: Path) -> None:
    scored = _scored(80, 7, ties=True)
    write_curves(scored, tmp_path)
    roc = _rows(tmp_path / "roc.csv")
    pr = _rows(tmp_path / "pr.csv")
    for label, name in enumerate(CLASSES):
        scores, positive = scored.logits.softmax(1)[:, label].numpy(), (scored.labels == label).numpy()
        false, true, thresholds = reference.roc_curve(positive, scores, drop_intermediate=False)
        points_ = np.array([row[1:] for row in roc if row[0] == name], float)
        assert np.allclose(points_, np.stack([thresholds, false, true], 1)[1:], atol=1e-8)
        precision, recall, thresholds = reference.precision_recall_curve(positive, scores)
        points_ = np.array([row[1:] for row in pr if row[0] == name], float)
        assert np.allclose(points_[::-1], np.stack([thresholds, recall[:-1], precision[:-1]], 1), atol=1e-8)


def _rows(file: Path) -> list[list[str]]:
    with file.open(newline="") as content:
        return list(csv.reader(content))[1:]


def test_net_benefit_by_its_definition() -> None:
    scores, positive = _binary(_scored(70, 2))
    benefit, everyone = net_benefit(scores, positive), net_benefit_of_all(positive)
    for row in (0, 20, 60, 98):
        threshold = THRESHOLDS[row]
        _, fp, _, tp = reference.confusion_matrix(positive, scores >= threshold, labels=[False, True]).ravel()
        assert benefit[row] == pytest.approx((tp - fp * threshold / (1 - threshold)) / 70)
        share = positive.mean()
        assert everyone[row] == pytest.approx(share - (1 - share) * threshold / (1 - threshold))


@pytest.mark.parametrize("words", ["0.9", "sensitivity", "recall=0.9", "sensitivity=0", "specificity=95"])
def test_a_target_is_a_name_and_a_share(words: str) -> None:
    with pytest.raises(UserError) as caught:
        points.parse_target(words)
    assert caught.value.code == "operating-point-target"


def test_which_class() -> None:
    assert points.check_class(None, ("healthy", "ill")) == "ill"
    for name in (None, "tumour"):
        with pytest.raises(UserError) as caught:
            points.check_class(name, CLASSES)
        assert caught.value.code == "operating-point-class"
    assert "'tumor'" in caught.value.remedy


def test_without_images_of_the_class_there_is_no_threshold() -> None:
    scored = _scored(30)
    few = Predictions(CLASSES, scored.paths[:3], torch.tensor([0, 1, 0]), scored.logits[:3])
    with pytest.raises(UserError) as caught:
        _choose(few, "sensitivity", 0.9)
    assert caught.value.code == "operating-point-no-images"


class TestOfARun:
    """Chosen on validation images, kept in the run, measured on the test set, used by `vr predict`."""

    @pytest.fixture
    def run(self, toy_run: Path, tmp_path: Path) -> Path:
        copy = tmp_path / "run"
        shutil.copytree(toy_run, copy)
        return copy

    def _call(self, *words: object) -> Any:
        result = CliRunner().invoke(app, [*map(str, words), "--device", "cpu"])
        if isinstance(result.exception, UserError):
            raise result.exception
        return result

    def test_from_choice_to_prediction(self, run: Path, toy: Any, tmp_path: Path) -> None:
        words = ("--operating-point", "sensitivity=0.9", "--class", "dark ring", "--curves")
        printed = self._call("eval", run, *words)
        assert printed.exit_code == 0 and "positive predictive value" in printed.stdout
        point = points.load(run)
        assert point is not None and point.images == 6 and point.images_of_class == 2
        metrics = runs.read_metrics(run)
        scored = tables.load(run / runs.PREDICTIONS)
        flagged = point.flags(scored.logits, scored.classes)
        positive = (scored.labels == 1).numpy()
        assert metrics["operating_point"]["sensitivity"] == reference.recall_score(positive, flagged)
        assert (run / runs.ROC_CSV).is_file() and (run / runs.PR_CSV).is_file()
        page = (run / runs.REPORT).read_text()
        assert "Decision curves" in page and "dark ring against the rest" in page
        again = self._call("eval", run)  # it is kept
        assert again.exit_code == 0
        assert runs.read_metrics(run)["operating_point"] == metrics["operating_point"]
        lines = self._call("predict", run, toy.data / "test", "--jsonl").stdout.splitlines()
        rows = {Path(row["path"]).name: row["flagged"] for row in map(json.loads, lines)}
        expected = {Path(path).name: bool(flag) for path, flag in zip(scored.paths, flagged, strict=True)}
        assert {name: rows[name] for name in expected} == expected
        table = self._call("predict", run, toy.data / "test").stdout.splitlines()
        assert table[0].split(",")[4] == "flagged"
        assert self._call("predict", run, toy.data / "test", "--out", tmp_path / "p.csv").exit_code == 0
        assert (tmp_path / "p.csv").read_text().splitlines() == table

    def test_it_never_sees_the_test_set(self, run: Path, monkeypatch: pytest.MonkeyPatch, toy: Any) -> None:
        import vr
        from vr.evaluation import choose_operating_point as choosing

        seen: list[str] = []

        def evaluate(method: Any, source: Any, items: Any, **options: Any) -> Predictions:
            seen.extend(item.path for item in items)
            return _scored(len(items))

        monkeypatch.setattr(choosing, "evaluate", evaluate)
        monkeypatch.setattr(choosing.points, "choose", lambda *_, **__: pytest.skip("seen enough"))
        with contextlib.suppress(pytest.skip.Exception):
            vr.load(run, device="cpu").evaluate(operating_point="specificity=0.9", class_name="dark ring")
        assert seen and all(path.startswith("val") for path in seen)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"model": "0" * 64}, "operating-point-of-another-model"),
            ({"class_name": "dark rings"}, "operating-point-unknown-class"),
        ],
    )
    def test_a_point_of_another_run_is_refused(self, change: dict[str, str], code: str, run: Path) -> None:
        self._call("eval", run, "--operating-point", "specificity=0.9", "--class", "dark ring")
        value = json.loads((run / runs.OPERATING_POINT).read_text())
        (run / runs.OPERATING_POINT).write_text(json.dumps({**value, **change}))
        with pytest.raises(UserError) as caught:
            points.load(run)
        assert caught.value.code == code
