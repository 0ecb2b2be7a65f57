"""What the few-shot images say of each attribute. A pure core: embeddings and texts in, judgements out.

An attribute should fire for the class that it describes: a positive one for its own class, a confusion
attribute for the class that it mimics. It is held against the images of the other classes; a confusion
attribute only against those of its own class, for that pair is what it has to tell apart. A few images say
little, so the other texts are asked too: see `vr.explanation.audit.witnesses`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attrgen.schema.attribute_set import OTHER, Entry
from vr.explanation.audit import witnesses
from vr.explanation.audit.auroc import auroc, interval

CHANCE = 0.5
ROUNDING = 1e-6  # of the cosine of a text with itself
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Judgement:
    """How one attribute does.

    Attributes:
        entry: the text and where it stands, with the card's class names.
        means: the class that it should fire for.
        area, low, high: AUROC of the images of that class against the others (a confusion attribute:
            against its own class), with its 95% interval.
        fires_for: the class that it tells best from all others.
        fires_area, fires_low: AUROC of that, and the lower end of its interval.
        reads_like: the class that words, embedding and images together take it for.
        belongs: their probability that it describes the class that it should fire for.
    """

    entry: Entry
    means: str
    area: float
    low: float
    high: float
    fires_for: str
    fires_area: float
    fires_low: float
    reads_like: str
    belongs: float

    @property
    def misled(self) -> bool:
        """Whether it surely tells another class better than the one that it should (positive kinds only)."""
        elsewhere = self.entry.confused is None and self.fires_for != self.means
        return elsewhere and self.fires_low > max(self.high, CHANCE)

    @property
    def works(self) -> bool:
        """Whether it is surely better than chance, and not misled."""
        return self.low > CHANCE and not self.misled

    @property
    def misplaced(self) -> bool:
        """Whether it is taken for another class (a confusion attribute that works: it has done its part)."""
        return self.reads_like != self.means and (self.entry.confused is None or not self.works)

    @property
    def suggestion(self) -> str:
        """What to do about it, in words; empty where it works."""
        if self.works and not self.misplaced:
            return ""
        confusion = self.entry.confused is not None
        remedy = f"{'' if confusion else 'move it there, or '}name what only {self.means} shows"
        if self.high < CHANCE and confusion:
            return f"fires more for {self.entry.class_name} itself: {remedy}"
        if self.misled:
            return f"fires for {self.fires_for}: {remedy}"
        if self.misplaced:
            return f"reads like {self.reads_like}: {remedy}"
        if self.high < CHANCE:
            return f"fires less for {self.means} than for others: say the opposite, or something else"
        return "tells nothing here: name a shape, edge, brightness or texture that the image shows"


@dataclass(frozen=True)
class Twins:
    """Two texts that the model hardly tells apart. `cosine` is of their embeddings."""

    first: Entry
    second: Entry
    cosine: float

    @property
    def suggestion(self) -> str:
        """What to do about it, in words."""
        same = (self.first.class_name, self.first.kind) == (self.second.class_name, self.second.kind)
        if same and described(self.first) == described(self.second):
            return "the same to the model: keep one"
        return f"stands for {described(self.first)} and for {described(self.second)}: make them differ"


def described(entry: Entry) -> str:
    """The class that a text describes: its own, or the one that a confusion attribute mimics."""
    return entry.class_name if entry.confused is None else entry.confused


def judge(
    entries: Sequence[Entry],
    texts: Floats,
    images: Floats,
    labels: NDArray[np.integer],
    classes: Sequence[str],
) -> list[Judgement]:
    """Judge every text that describes one of the classes, the worst first.

    First come those that seem misplaced, those that belong least before the others; last those that work.
    Within these two piles, the order is that of the upper ends of the intervals, so that few images excuse a
    low area; what is misled comes earlier by as much as it surely tells the other class better.

    Args:
        entries: the texts with their places.
        texts: (A, D) unit embeddings of them.
        images: (N, D) unit features of training images.
        labels: (N,) their classes; each class has an image.
        classes: names in label order.
    """
    judged = [row for row, entry in enumerate(entries) if described(entry) != OTHER]
    if not judged:
        return []
    entries = [entries[row] for row in judged]
    texts = np.asarray(texts, dtype=np.float64)[judged]
    similar = texts @ np.asarray(images, dtype=np.float64).T
    masks = [labels == label for label in range(len(classes))]
    areas = np.stack([auroc(similar, mask) for mask in masks], axis=1)  # (A, C), each class against the rest
    described_labels = np.array([classes.index(described(entry)) for entry in entries])
    chances, _ = witnesses.weigh(
        [
            witnesses.words([entry.text for entry in entries], described_labels, len(classes)),
            witnesses.neighbours(texts, described_labels, len(classes)),
            areas,
        ],
        described_labels,
    )
    found = []
    for row, (entry, means) in enumerate(zip(entries, described_labels.tolist(), strict=True)):
        ones = masks[means]
        zeros = ~ones if entry.confused is None else masks[classes.index(entry.class_name)]
        chosen = ones | zeros
        area = float(auroc(similar[row : row + 1, chosen], ones[chosen])[0])
        low, high = interval(area, int(ones.sum()), int(zeros.sum()))
        fires = int(areas[row].argmax())
        fires_area = float(areas[row, fires])
        fires_low, _ = interval(fires_area, int(masks[fires].sum()), int((~masks[fires]).sum()))
        found.append(
            Judgement(
                entry=entry,
                means=classes[means],
                area=area,
                low=low,
                high=high,
                fires_for=classes[fires],
                fires_area=fires_area,
                fires_low=fires_low,
                reads_like=classes[int(chances[row].argmax())],
                belongs=float(chances[row, means]),
            )
        )
    return sorted(found, key=_badness)


def _badness(judged: Judgement) -> tuple[int, float]:
    if judged.misplaced:
        return 0, judged.belongs
    excess = judged.fires_low - judged.high if judged.misled else 0.0
    return 2 if judged.works else 1, judged.high - excess


def twins(entries: Sequence[Entry], texts: Floats, threshold: float) -> list[Twins]:
    """Pairs of texts whose embeddings (A, D) have a cosine of at least `threshold`, the nearest first.

    Texts of different lists that describe the same class may say the same, and are not named.
    """
    cosines = np.asarray(texts, dtype=np.float64) @ np.asarray(texts, dtype=np.float64).T
    found = []
    for i, j in zip(*np.nonzero(np.triu(cosines >= threshold - ROUNDING, 1)), strict=True):
        first, second = entries[i], entries[j]
        same_list = (first.class_name, first.kind) == (second.class_name, second.kind)
        if same_list or described(first) != described(second):
            found.append(Twins(first, second, min(1.0, float(cosines[i, j]))))
    return sorted(found, key=lambda pair: -pair.cosine)
