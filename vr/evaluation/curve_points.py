"""ROC and precision-recall points of every class against the rest, as CSV tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attrgen.core.files import write_text
from vr.runs.predictions import Predictions
from vr.runs.run import PR_CSV, ROC_CSV

Floats = NDArray[np.float64]
ROC_COLUMNS = ("class", "threshold", "false_positive_rate", "true_positive_rate")
PR_COLUMNS = ("class", "threshold", "recall", "precision")


def write_curves(predictions: Predictions, folder: Path) -> list[Path]:
    """Write `roc.csv` and `pr.csv` into a folder: a row per class and threshold, the highest first.

    An image counts as the class from the threshold on. A class without images, or with all of them, has no
    rows.
    """
    roc, pr = list[tuple[object, ...]](), list[tuple[object, ...]]()
    for name, thresholds, true, false, positive in _counts(predictions):
        total = len(predictions.labels)
        for row, threshold in enumerate(thresholds):
            rates = (false[row] / (total - positive), true[row] / positive)
            roc.append((name, f"{threshold:.9g}", *(f"{rate:.9g}" for rate in rates)))
            precision = true[row] / (true[row] + false[row])
            pr.append((name, f"{threshold:.9g}", f"{rates[1]:.9g}", f"{precision:.9g}"))
    for file, columns, rows in ((ROC_CSV, ROC_COLUMNS, roc), (PR_CSV, PR_COLUMNS, pr)):
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
        write_text(folder / file, text.getvalue())
    return [folder / ROC_CSV, folder / PR_CSV]


def _counts(predictions: Predictions) -> Iterator[tuple[str, Floats, Floats, Floats, int]]:
    """Per class: distinct scores, the highest first, true and false positives from each on, images of it."""
    scores, labels = predictions.logits.double().softmax(1).numpy(), predictions.labels.numpy()
    for label, name in enumerate(predictions.classes):
        positive = labels == label
        if not 0 < positive.sum() < len(labels):
            continue
        order = np.argsort(-scores[:, label], kind="stable")
        ordered, hits = scores[order, label], positive[order]
        last = np.append(np.diff(ordered) != 0, True)  # equal scores count together
        true = np.cumsum(hits)[last].astype(float)
        yield name, ordered[last], true, np.cumsum(~hits)[last].astype(float), int(positive.sum())
