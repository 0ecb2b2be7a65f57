"""Answer only when confident: the coverage-risk curve, and the threshold that answers a share of images.

Geifman and El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from attrgen.core.files import whole_file, write_text


@dataclass(frozen=True)
class CoverageRisk:
    """A point for each distinct confidence, from the highest down; arrays of one length, values in [0, 1].

    Attributes:
        threshold: images with at least this confidence are answered.
        coverage: share of images that are answered.
        risk: share of wrong ones among the answered.
    """

    threshold: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray

    def at(self, coverage: float) -> int:
        """Index of the highest threshold that answers at least that share of images."""
        return int(np.searchsorted(self.coverage, coverage - 1e-9))


def coverage_risk(confidence: Tensor, correct: Tensor) -> CoverageRisk:
    """The curve of images with confidences (N,) and whether each prediction is right (N,)."""
    values = confidence.double().cpu().numpy()
    order = np.argsort(-values, kind="stable")
    values, right = values[order], correct.cpu().numpy().astype(float)[order]
    answered = np.arange(1, len(values) + 1)
    last = np.append(values[1:] != values[:-1], True)  # equal confidences are answered together
    return CoverageRisk(
        values[last], answered[last] / len(values), (1 - np.cumsum(right) / answered)[last].clip(0, 1)
    )


def write_csv(curve: CoverageRisk, path: Path) -> None:
    """Write coverage, threshold, risk and accuracy: one row per point of the curve."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["coverage", "threshold", "risk", "accuracy"])
    for coverage, threshold, risk in zip(curve.coverage, curve.threshold, curve.risk, strict=True):
        rows.writerow([f"{coverage:.6f}", f"{threshold:.6f}", f"{risk:.6f}", f"{1 - risk:.6f}"])
    write_text(path, text.getvalue())


def draw(curve: CoverageRisk, chosen: float, path: Path) -> None:
    """Draw the curve as a PNG, with the threshold `chosen` marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(100 * curve.coverage, 100 * curve.risk, drawstyle="steps-post", linewidth=2)
    point = min(int(np.searchsorted(-curve.threshold, -chosen)), len(curve.threshold) - 1)
    x, y = 100 * curve.coverage[point], 100 * curve.risk[point]
    axes.plot([x], [y], "o", color="black")
    axes.set_title(f"confidence at least {chosen:.2f}: {x:.0f}% answered, {y:.0f}% of them wrong", size=10)
    axes.set_xlabel("coverage: images answered (%)")
    axes.set_ylabel("risk: wrong among the answered (%)")
    axes.set_xlim(0, 101)
    axes.set_ylim(0, min(101.0, max(1.0, 110 * float(curve.risk.max()))))
    axes.grid(alpha=0.3)
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
