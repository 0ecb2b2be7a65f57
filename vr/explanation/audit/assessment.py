"""How well each attribute tells its class apart on the few-shot images. Pure: embeddings in, numbers out.

A descriptive or distinctive attribute should score higher on images of its own class than on those of the
other classes. A confusion attribute should score higher on images of the class that it describes than on
those of the class that it is listed under: that pair is what it has to tell apart. A few images say little,
so each text is also compared with the other texts of the set: see `vr.explanation.audit.class_evidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attrgen.schema.attribute_set import OTHER, Entry
from vr.explanation.audit import class_evidence
from vr.explanation.audit.auroc import auroc, interval

CHANCE = 0.5
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Assessment:
    """How one attribute does.

    Attributes:
        entry: the text, its class and kind, with the card's class names.
        described: the class that the text describes.
        auroc, low, high: AUROC of the images of that class against the others (a confusion attribute:
            against the class that it is listed under), with its 95% interval.
        best_class: the class that it tells best from all others.
        best_auroc, best_low: AUROC of that class against all others, and the lower end of its interval.
        likely_class: the class that words, embedding and images together take it for.
        probability: their probability, in [0, 1], that it describes the class that it should.
    """

    entry: Entry
    described: str
    auroc: float
    low: float
    high: float
    best_class: str
    best_auroc: float
    best_low: float
    likely_class: str
    probability: float

    @property
    def misleading(self) -> bool:
        """Whether it clearly tells another class better than its own (never so for confusion attributes)."""
        elsewhere = self.entry.confused is None and self.best_class != self.described
        return elsewhere and self.best_low > max(self.high, CHANCE)

    @property
    def works(self) -> bool:
        """Whether it is clearly better than chance, and not misleading."""
        return self.low > CHANCE and not self.misleading

    @property
    def misplaced(self) -> bool:
        """Whether it seems to describe another class (never true of a confusion attribute that works)."""
        return self.likely_class != self.described and (self.entry.confused is None or not self.works)

    @property
    def suggestion(self) -> str:
        """How to improve it; empty where it works."""
        if self.works and not self.misplaced:
            return ""
        confusion = self.entry.confused is not None
        remedy = f"{'' if confusion else 'move it there, or '}name what only {self.described} shows"
        if self.high < CHANCE and confusion:
            return f"scores higher on {self.entry.class_name} itself: {remedy}"
        if self.misleading:
            return f"scores higher on {self.best_class}: {remedy}"
        if self.misplaced:
            return f"reads like {self.likely_class}: {remedy}"
        if self.high < CHANCE:
            return f"scores lower on {self.described} than on others: say the opposite, or something else"
        return "makes no difference here: name a shape, edge, brightness or texture that the image shows"


@dataclass(frozen=True)
class _Scores:
    """Cosines of A texts and N images, and what is derived from them.

    Attributes:
        cosines: (A, N).
        members: (C, N), which images are of a class.
        areas: (A, C), AUROC of each class against the rest.
        described: (A,), label of the class that each text describes.
        probabilities: (A, C), of the class that each text describes by all evidence.
    """

    cosines: Floats
    members: NDArray[np.bool_]
    areas: Floats
    described: NDArray[np.integer]
    probabilities: Floats


def described_class(entry: Entry) -> str:
    """The class that a text describes: its own, or the other one of a confusion attribute."""
    return entry.class_name if entry.confused is None else entry.confused


def assess(
    entries: Sequence[Entry],
    texts: Floats,
    images: Floats,
    labels: NDArray[np.integer],
    classes: Sequence[str],
) -> list[Assessment]:
    """Assess every text that describes one of the classes, the worst first.

    First come those that seem misplaced, the least probable before the others; last those that work. Within
    the other two groups, the order is that of the upper ends of the intervals, so that few images excuse a
    low AUROC; a misleading text comes earlier by as much as it clearly tells the other class better.

    Args:
        entries: the texts with their class and kind.
        texts: (A, D) unit embeddings of them.
        images: (N, D) unit features of training images.
        labels: (N,) their classes; each class has an image.
        classes: names in label order.
    """
    rows = [row for row, entry in enumerate(entries) if described_class(entry) != OTHER]
    if not rows:
        return []
    kept = [entries[row] for row in rows]
    scores = _scores(kept, np.asarray(texts, dtype=np.float64)[rows], images, labels, classes)
    return sorted((_assessment(row, entry, scores, classes) for row, entry in enumerate(kept)), key=_rank)


def _scores(
    entries: Sequence[Entry],
    texts: Floats,
    images: Floats,
    labels: NDArray[np.integer],
    classes: Sequence[str],
) -> _Scores:
    cosines = texts @ np.asarray(images, dtype=np.float64).T
    members = labels == np.arange(len(classes))[:, None]
    areas = np.stack([auroc(cosines, mask) for mask in members], axis=1)
    described = np.array([classes.index(described_class(entry)) for entry in entries])
    evidence = [
        class_evidence.words([entry.text for entry in entries], described, len(classes)),
        class_evidence.neighbours(texts, described, len(classes)),
        areas,
    ]
    probabilities, _ = class_evidence.combine(evidence, described)
    return _Scores(cosines, members, areas, described, probabilities)


def _assessment(row: int, entry: Entry, scores: _Scores, classes: Sequence[str]) -> Assessment:
    described = int(scores.described[row])
    positives = scores.members[described]
    negatives = ~positives if entry.confused is None else scores.members[classes.index(entry.class_name)]
    compared = positives | negatives
    area = float(auroc(scores.cosines[row : row + 1, compared], positives[compared])[0])
    low, high = interval(area, int(positives.sum()), int(negatives.sum()))
    best = int(scores.areas[row].argmax())
    best_area = float(scores.areas[row, best])
    best_low, _ = interval(best_area, int(scores.members[best].sum()), int((~scores.members[best]).sum()))
    return Assessment(
        entry=entry,
        described=classes[described],
        auroc=area,
        low=low,
        high=high,
        best_class=classes[best],
        best_auroc=best_area,
        best_low=best_low,
        likely_class=classes[int(scores.probabilities[row].argmax())],
        probability=float(scores.probabilities[row, described]),
    )


def _rank(assessment: Assessment) -> tuple[int, float]:
    """The worst first: group, and order within it."""
    if assessment.misplaced:
        return 0, assessment.probability
    excess = assessment.best_low - assessment.high if assessment.misleading else 0.0
    return 2 if assessment.works else 1, assessment.high - excess
