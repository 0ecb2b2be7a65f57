"""The list of metrics: how values are shown and compared, and that a new entry appears everywhere."""

from __future__ import annotations

import pytest
import torch

from attrgen.core.errors import UserError
from vr.cli.measured import metric_lines
from vr.evaluation.measurement import measure
from vr.evaluation.metrics import COMPARED, METRICS, Metric, find_metric, read_class_metric
from vr.runs.predictions import Predictions


def predictions() -> Predictions:
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0]])
    return Predictions(("a", "b"), ("1", "2", "3"), torch.tensor([0, 1, 1]), logits)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("accuracy", 0.5664, "56.6%"),
        ("nll", 1.0961, "1.096"),
        ("ece", 0.126, "12.6%"),
        ("nll", None, "not defined"),
    ],
)
def test_values_are_shown_with_their_unit(key: str, value: float | None, text: str) -> None:
    assert METRICS[key].text(value) == text


def test_the_best_value_follows_the_direction() -> None:
    assert METRICS["auroc"].best([0.2, 0.9, 0.5]) == 0.9
    assert METRICS["ece"].best([0.2, 0.9, 0.5]) == 0.2
    assert METRICS["nll"].best([]) is None


def test_the_oracle_is_read_from_where_it_is_noted() -> None:
    metrics = {"overall": {"accuracy": 0.5}, "oracle": {"accuracy": 0.75, "epoch": 3}}
    assert find_metric("oracle").read(metrics) == 0.75
    assert find_metric("accuracy").read(metrics) == 0.5
    assert find_metric("oracle").read({"overall": {}}) is None


def test_sensitivity_and_specificity_equal_counts_of_images() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2])
    answers = torch.tensor([0, 0, 1, 1, 2, 2, 2, 2, 0])
    logits = torch.nn.functional.one_hot(answers, 4).float()  # no image of class d
    names = ("a", "b", "c", "d")
    metrics = measure(Predictions(names, tuple(map(str, range(9))), labels, logits))
    sensitivity, specificity = (read_class_metric(key, metrics) for key in ("sensitivity", "specificity"))
    for label, name in enumerate(names):
        own, others = answers[labels == label], answers[labels != label]
        expected = None if len(own) == 0 else pytest.approx(float((own == label).float().mean()))
        assert sensitivity[name] == expected
        assert specificity[name] == pytest.approx(float((others != label).float().mean()))
    assert find_metric("sensitivity").read(metrics) == pytest.approx((2 / 3 + 1 / 2 + 3 / 4) / 3)
    assert find_metric("sensitivity").read(metrics) == pytest.approx(metrics["overall"]["balanced_accuracy"])


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        find_metric("acuracy")
    assert caught.value.code == "metric-unknown" and all(key in caught.value.remedy for key in COMPARED)


def test_one_new_entry_is_computed_resampled_and_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Metric(
        "error_rate",
        "error rate",
        lambda scored: float((scored.predicted != scored.labels).double().mean()),
        lambda counts: 1 - counts.hits.sum(1) / counts.images,
        higher_is_better=False,
    )
    monkeypatch.setitem(METRICS, "error_rate", entry)
    values = measure(predictions())
    assert values["overall"]["error_rate"] == pytest.approx(1 / 3)
    low, high = values["intervals"]["error_rate"]
    assert [low, high] == pytest.approx([1 - edge for edge in reversed(values["intervals"]["accuracy"])])
    lines = metric_lines({"split": "test", **values})
    assert any(
        line.split() == ["error", "rate", "33.3%", "(95%:", f"{100 * low:.1f}", "to", f"{100 * high:.1f})"]
        for line in lines
    )
