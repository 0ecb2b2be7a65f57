"""A calibration: temperature, abstention threshold and prediction sets, fitted on scored images; its file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from attrgen.core.errors import UserError
from attrgen.core.files import read_bytes, write_text
from attrgen.core.shell import command
from attrgen.core.validation import Frozen, read_json
from vr.evaluation import conformal, selective, temperature
from vr.evaluation.classification import calibration_error
from vr.evaluation.metrics import ECE_BINS
from vr.evaluation.selective import CoverageRisk
from vr.runs import run as runs
from vr.runs.predictions import Predictions

FILES = (runs.CALIBRATION, runs.RISK_CSV, runs.RISK_PNG)
SET_COVERAGES = tuple(percent / 100 for percent in range(50, 100))
_LARGEST_MODEL = 2**33  # bytes
_TABLE = tuple(percent / 100 for percent in range(50, 101, 5))


class Quality(Frozen):
    """Negative log-likelihood (nats per image) and ECE (15 bins, in [0, 1]), without and with temperature."""

    images: int
    groups: int | None = Field(None, description="groups, such as patients, that the images are of")
    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float


class Answered(Frozen):
    """A threshold, the share of images with at least that confidence, and how many of those are right."""

    coverage: float
    threshold: float
    accuracy: float


class Calibration(Frozen):
    """Temperature, abstention and prediction sets of one trained model.

    The temperature is fitted on one half of the images; threshold, table and sets on the other (`held_out`).
    """

    format: Literal["calibration/1"] = "calibration/1"
    model: str = Field(description="SHA-256 of the model.safetensors that it belongs to")
    images_from: str
    images: int
    temperature: float = Field(gt=0)
    fitted: Quality
    held_out: Quality
    coverage: float = Field(gt=0, le=1, description="requested share of images to answer")
    threshold: float = Field(ge=0, le=1, description="below this confidence, a prediction is abstained from")
    abstention: tuple[Answered, ...]
    set_score: conformal.Score
    set_limits: dict[str, float | None] = Field(
        description="by coverage, the largest nonconformity of a class in the set; null: too few images"
    )

    def threshold_for(self, coverage: float, run: Path | None = None) -> float:
        """The threshold that answers that share of images; `run` is the calibrated run, for the message.

        Raises:
            UserError: the table has no such coverage.
        """
        for row in self.abstention:
            if abs(row.coverage - coverage) < 1e-9:
                return row.threshold
        known = ", ".join(f"{row.coverage:g}" for row in self.abstention)
        how = ("--help",) if run is None else (run, "--coverage", f"{coverage:g}", "--force")
        fit = command("vr", "calibrate", *how)
        raise UserError(
            f"no threshold was fitted for a coverage of {coverage:g}",
            code="calibration-no-such-coverage",
            remedy=f"There are: {known}. Or fit it: {fit}.",
        )

    def set_limit_for(self, coverage: float) -> float:
        """The limit of `conformal.prediction_sets` for that coverage; infinite with too few images.

        Raises:
            UserError: it is not a whole percentage from 0.50 to 0.99.
        """
        key = f"{coverage:.2f}"
        if key not in self.set_limits or abs(float(key) - coverage) > 1e-9:
            raise UserError(
                f"no prediction sets of coverage {coverage:g}",
                code="calibration-no-such-sets",
                remedy="Use 0.50, 0.51, … or 0.99.",
            )
        limit = self.set_limits[key]
        return float("inf") if limit is None else limit


def probabilities(logits: Tensor, temperature: float) -> Tensor:
    """`softmax(logits / temperature)`, (N, C) in double precision."""
    return (logits.double() / temperature).softmax(1)


def fit(
    scored: Predictions, *, model: str, images_from: str, coverage: float, score: conformal.Score
) -> tuple[Calibration, CoverageRisk]:
    """Fit on scored images, which fall into two halves by the hash of their paths, class by class.

    Images of one group, where groups are known, are in one half.

    Args:
        coverage: share of images to answer; the others are abstained from.

    Raises:
        UserError: fewer than two images, or images of one group only.
    """
    if len(set(scored.groups or scored.paths)) < 2:
        raise UserError(
            f"{len(scored.paths)} images{' of one group' if scored.groups else ''}: too few to calibrate on",
            code="calibration-few-images",
            remedy="Use --split all, or more data.",
        )
    one, other = _halves(scored)
    scale = temperature.fit_temperature(one.logits, one.labels)
    chances = probabilities(other.logits, scale)
    confidence, predicted = chances.max(1)
    curve = selective.coverage_risk(confidence, predicted == other.labels)
    of_truth = conformal.nonconformity(chances, score)[torch.arange(len(other.labels)), other.labels]
    limits = {f"{asked:.2f}": conformal.quantile(of_truth, asked) for asked in SET_COVERAGES}
    table = [_answered(curve, asked) for asked in sorted({*_TABLE, coverage})]
    return Calibration(
        model=model,
        images_from=images_from,
        images=len(scored.paths),
        temperature=scale,
        fitted=quality(one, scale),
        held_out=quality(other, scale),
        coverage=coverage,
        threshold=float(curve.threshold[curve.at(coverage)]),
        abstention=tuple(table),
        set_score=score,
        set_limits={key: None if limit == float("inf") else limit for key, limit in limits.items()},
    ), curve


def quality(scored: Predictions, scale: float) -> Quality:
    """Quality of the confidences on some images, before and after scaling."""
    before, after = probabilities(scored.logits, 1.0), probabilities(scored.logits, scale)
    return Quality(
        images=len(scored.paths),
        groups=None if scored.groups is None else len(set(scored.groups)),
        nll_before=_nll(scored, 1.0),
        nll_after=_nll(scored, scale),
        ece_before=_ece(before, scored.labels),
        ece_after=_ece(after, scored.labels),
    )


def save(calibration: Calibration, folder: Path) -> None:
    """Write `calibration.json` into a run directory."""
    text = json.dumps(calibration.model_dump(mode="json"), indent=2, ensure_ascii=False)
    write_text(folder / runs.CALIBRATION, text + "\n")


def load(folder: Path) -> Calibration | None:
    """The calibration of a run directory, or None where there is none.

    Raises:
        UserError: it is damaged, or of a model that has been trained again since.
    """
    file = folder / runs.CALIBRATION
    if not file.is_file():
        return None
    remedy = f"Fit it again: {command('vr', 'calibrate', folder, '--force')}. Or remove the file."
    calibration = read_json(Calibration, file, what="calibration", code="calibration", remedy=remedy)
    if calibration.model != model_id(folder):
        raise UserError(
            "it belongs to another model than the run's",
            code="calibration-of-another-model",
            file=file,
            remedy=remedy,
        )
    return calibration


def model_id(folder: Path) -> str:
    """SHA-256 of a run's trained model."""
    content = read_bytes(folder / runs.MODEL, what="trained model", largest=_LARGEST_MODEL)
    return hashlib.sha256(content).hexdigest()


def _halves(scored: Predictions) -> tuple[Predictions, Predictions]:
    """Group by group to the half that has fewer images; an image without a group is one by itself."""

    def rank(row: int) -> tuple[int, str]:
        return int(scored.labels[row]), hashlib.sha256(scored.paths[row].encode()).hexdigest()

    groups: dict[Hashable, list[int]] = {}
    for row in sorted(range(len(scored.paths)), key=rank):
        groups.setdefault(row if scored.groups is None else scored.groups[row], []).append(row)
    one: list[int] = []
    other: list[int] = []
    for rows in groups.values():
        (one if len(one) <= len(other) else other).extend(rows)
    return _rows(scored, one), _rows(scored, other)


def _rows(scored: Predictions, rows: list[int]) -> Predictions:
    paths = tuple(scored.paths[row] for row in rows)
    groups = None if scored.groups is None else tuple(scored.groups[row] for row in rows)
    return Predictions(scored.classes, paths, scored.labels[rows], scored.logits[rows], groups)


def _answered(curve: CoverageRisk, coverage: float) -> Answered:
    point = curve.at(coverage)
    return Answered(
        coverage=coverage,
        threshold=float(curve.threshold[point]),
        accuracy=1 - float(curve.risk[point]),
    )


def _nll(scored: Predictions, scale: float) -> float:
    return float(F.cross_entropy(scored.logits.double() / scale, scored.labels))


def _ece(chances: Tensor, labels: Tensor) -> float:
    return calibration_error(chances, labels, ECE_BINS)
