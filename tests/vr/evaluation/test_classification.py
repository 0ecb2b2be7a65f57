"""The plain figures against torchmetrics, which is too slow to import for every run."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchmetrics.functional import classification as tm

from vr.evaluation import classification

CLOSE = 1e-6
CLASSES = 5


@pytest.fixture(params=["continuous", "many ties", "confident", "absent classes"])
def scored(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    """Probabilities (N, C), double precision, and labels (N,)."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(CLASSES, (400,), generator=generator)
    logits = torch.randn(400, CLASSES, generator=generator).double()
    logits[torch.arange(400), labels] += 1
    if request.param == "many ties":
        logits = logits.round()
    elif request.param == "confident":
        logits *= 60
    elif request.param == "absent classes":
        labels[labels > 2] = 0
        logits[:, 4] = -30
    return logits.softmax(1), labels


def test_matrix_and_shares(scored: tuple[Tensor, Tensor]) -> None:
    probabilities, labels = scored
    predicted = probabilities.argmax(1)
    matrix = classification.confusion_matrix(labels, predicted, CLASSES)
    assert torch.equal(matrix, tm.multiclass_confusion_matrix(predicted, labels, CLASSES))
    recall, precision, f1 = classification.per_class(matrix)
    torch.testing.assert_close(recall, tm.multiclass_recall(predicted, labels, CLASSES, average=None))
    torch.testing.assert_close(precision, tm.multiclass_precision(predicted, labels, CLASSES, average=None))
    torch.testing.assert_close(f1, tm.multiclass_f1_score(predicted, labels, CLASSES, average=None))


@pytest.mark.filterwarnings("ignore")  # of classes without images
def test_areas_under_the_roc_curve(scored: tuple[Tensor, Tensor]) -> None:
    probabilities, labels = scored
    reference = tm.multiclass_auroc(probabilities, labels, CLASSES, average=None)
    actual = classification.auroc(probabilities, labels)
    assert (actual - reference).abs().max() < CLOSE


def test_areas_of_more_classes_than_are_ranked_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(150, (600,), generator=generator)
    probabilities = torch.randn(600, 150, generator=generator).double().softmax(1)
    reference = tm.multiclass_auroc(probabilities, labels, 150, average=None)
    assert (classification.auroc(probabilities, labels) - reference).abs().max() < CLOSE


def test_calibration_error(scored: tuple[Tensor, Tensor]) -> None:
    probabilities, labels = scored
    reference = tm.multiclass_calibration_error(probabilities, labels, CLASSES, n_bins=15)
    assert classification.calibration_error(probabilities, labels, 15) == pytest.approx(
        float(reference), abs=CLOSE
    )


def test_curves(scored: tuple[Tensor, Tensor]) -> None:
    probabilities, labels = scored
    for label in labels.unique().tolist():
        positive = labels == label
        counts = classification.steps(probabilities[:, label], positive)
        false, true, _ = tm.binary_roc(probabilities[:, label], positive.long())
        for actual, reference in zip(classification.roc(counts), (false, true), strict=True):
            assert (actual - reference).abs().max() < CLOSE
        precision, recall, _ = tm.binary_precision_recall_curve(probabilities[:, label], positive.long())
        for actual, reference in zip(
            classification.precision_recall(counts), (recall, precision), strict=True
        ):
            assert (actual - reference).abs().max() < CLOSE
