"""Metrics against scikit-learn and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from vr.evaluation.measurement import group_intervals, intervals, measure
from vr.runs.predictions import Predictions

NAMES = ("a", "b", "c")


def _predictions(count: int = 90, *, classes: int = 3, seed: int = 0) -> Predictions:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (count,), generator=generator)
    logits = torch.randn(count, 3, generator=generator) + 1.2 * torch.nn.functional.one_hot(labels, 3)
    return Predictions(NAMES, tuple(f"{i}.png" for i in range(count)), labels, logits)


def test_overall_numbers_equal_scikit_learn() -> None:
    actual = _predictions()
    overall = measure(actual)["overall"]
    y, p = actual.labels.numpy(), actual.predicted.numpy()
    probabilities = actual.logits.double().softmax(1).numpy()
    assert overall["accuracy"] == pytest.approx(sk.accuracy_score(y, p))
    assert overall["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(y, p))
    assert overall["macro_f1"] == pytest.approx(sk.f1_score(y, p, average="macro"))
    assert overall["auroc"] == pytest.approx(sk.roc_auc_score(y, probabilities, multi_class="ovr"), abs=1e-5)
    assert overall["nll"] == pytest.approx(sk.log_loss(y, probabilities), abs=1e-6)


def test_calibration_error_equals_a_plain_loop() -> None:
    actual = _predictions()
    confidence, predicted = actual.logits.double().softmax(1).max(1)
    right = (predicted == actual.labels).double()
    error = 0.0
    for low in np.linspace(0, 1, 16)[:-1]:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            error += float(inside.double().mean() * (right[inside].mean() - confidence[inside].mean()).abs())
    assert measure(actual)["overall"]["ece"] == pytest.approx(error, abs=1e-6)


def test_per_class_numbers_and_matrix_equal_scikit_learn() -> None:
    actual = _predictions()
    y, p = actual.labels.numpy(), actual.predicted.numpy()
    values = measure(actual)
    assert values["confusion_matrix"] == sk.confusion_matrix(y, p).tolist()
    recall = sk.recall_score(y, p, average=None)
    precision = sk.precision_score(y, p, average=None)
    for place, name in enumerate(NAMES):
        own = values["per_class"][name]
        assert own["recall"] == pytest.approx(recall[place])
        assert own["precision"] == pytest.approx(precision[place])
        scores = actual.logits.softmax(1)[:, place].numpy()
        assert own["auroc"] == pytest.approx(sk.roc_auc_score(y == place, scores), abs=1e-5)


def test_a_class_without_images_is_left_out_and_told() -> None:
    values = measure(_predictions(classes=2))
    assert values["per_class"]["c"]["recall"] is None and values["per_class"]["c"]["auroc"] is None
    actual = _predictions(classes=2)
    y, p = actual.labels.numpy(), actual.predicted.numpy()
    recall = sk.recall_score(y, p, labels=[0, 1], average="macro")
    assert values["overall"]["balanced_accuracy"] == pytest.approx(recall)


def test_intervals_equal_a_bootstrap_over_images() -> None:
    actual = _predictions(200)
    y, p = actual.labels.numpy(), actual.predicted.numpy()
    rng = np.random.default_rng(5)
    drawn = [rng.integers(0, len(y), len(y)) for _ in range(2000)]
    plain = {
        "accuracy": [sk.accuracy_score(y[i], p[i]) for i in drawn],
        "macro_f1": [sk.f1_score(y[i], p[i], average="macro") for i in drawn],
    }
    quick = intervals(torch.tensor(sk.confusion_matrix(y, p)), seed=1)
    for name, values in plain.items():
        assert quick[name] == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.012)


def _of_patients(
    patients: int = 60, images: int = 5, seed: int = 3
) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Labels and predictions of patients whose images are nearly all right or nearly all wrong."""
    rng = np.random.default_rng(seed)
    groups = [f"p{patient}" for patient in range(patients) for _ in range(images)]
    labels = np.repeat(rng.integers(0, 3, patients), images)
    right = np.repeat(rng.random(patients) < 0.7, images) ^ (rng.random(patients * images) < 0.05)
    return torch.tensor(labels), torch.tensor(np.where(right, labels, (labels + 1) % 3)), groups


def test_group_intervals_equal_a_bootstrap_over_groups() -> None:
    labels, predicted, groups = _of_patients()
    y, p = labels.numpy().reshape(60, 5), predicted.numpy().reshape(60, 5)
    rng = np.random.default_rng(8)
    drawn = [rng.integers(0, 60, 60) for _ in range(2000)]
    plain = {
        "accuracy": [sk.accuracy_score(y[i].ravel(), p[i].ravel()) for i in drawn],
        "macro_f1": [sk.f1_score(y[i].ravel(), p[i].ravel(), average="macro") for i in drawn],
    }
    quick = group_intervals(labels, predicted, groups, 3, seed=1)
    for name, values in plain.items():
        assert quick[name] == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.015)


def test_an_interval_over_groups_is_wider_where_images_of_a_group_agree() -> None:
    labels, predicted, groups = _of_patients()
    over_images = intervals(torch.tensor(sk.confusion_matrix(labels, predicted)))["accuracy"]
    over_groups = group_intervals(labels, predicted, groups, 3)["accuracy"]
    wider = (over_groups[1] - over_groups[0]) / (over_images[1] - over_images[0])
    # Five images that nearly agree: at most sqrt(5) = 2.24 times as wide (the design effect).
    assert 1.8 < wider < 2.24


def test_groups_of_one_image_give_the_interval_over_images() -> None:
    labels, predicted, _ = _of_patients()
    over_images = intervals(torch.tensor(sk.confusion_matrix(labels, predicted)))["accuracy"]
    alone = group_intervals(labels, predicted, range(300), 3)["accuracy"]
    assert alone == pytest.approx(over_images, abs=0.01)


def test_measure_draws_groups_where_they_are_known() -> None:
    labels, predicted, groups = _of_patients()
    logits = torch.nn.functional.one_hot(predicted, 3).float()
    scored = Predictions(NAMES, tuple(map(str, range(300))), labels, logits, tuple(groups))
    assert measure(scored)["groups"] == 60
    assert measure(scored)["intervals"] == group_intervals(labels, predicted, groups, 3)
    assert "groups" not in measure(_predictions())


def test_where_all_images_are_right_the_interval_has_a_width() -> None:
    """The bootstrap cannot differ there; Wilson's interval of as many trials is taken, as scipy has it."""
    from scipy.stats import binomtest

    matrix = torch.tensor([[10, 0], [0, 7]])
    low, high = intervals(matrix)["accuracy"]
    assert (low, high) == pytest.approx((binomtest(17, 17).proportion_ci(0.95, method="wilson").low, 1))
    rarest = binomtest(7, 7).proportion_ci(0.95, method="wilson").low
    assert intervals(matrix)["balanced_accuracy"] == pytest.approx([rarest, 1])
    wrong = intervals(matrix.flip(0))["accuracy"]
    assert wrong == pytest.approx([0, 1 - low])
    # Of groups, the number of them counts: five patients, two of them with the second class.
    labels = torch.tensor([0] * 10 + [1] * 7)
    groups = [0] * 5 + [1] * 3 + [2] * 2 + [3] * 4 + [4] * 3
    grouped = group_intervals(labels, labels, groups, 2)
    assert grouped["accuracy"] == pytest.approx([binomtest(5, 5).proportion_ci(0.95, method="wilson").low, 1])
    assert grouped["macro_f1"] == pytest.approx([binomtest(2, 2).proportion_ci(0.95, method="wilson").low, 1])


def test_one_patient_says_little() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    low, high = group_intervals(labels, torch.tensor([0, 0, 1, 0]), ["p"] * 4, 2)["accuracy"]
    assert low < 0.3 and high > 0.95
