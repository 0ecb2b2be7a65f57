"""An explanation in one plain sentence: the predicted class, how sure, and the texts that decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from vr.evaluation import calibration as calibrations
from vr.evaluation.calibration import Calibration
from vr.evaluation.operating_point import OperatingPoint
from vr.explanation.decomposition import ClassScore, TextScore
from vr.methods.common.contributions import Expert

MOST_REASONS = 3
VISUAL: Expert = "visual"
LEGEND = "A match is a high similarity between image and text to the model; it is not a medical finding."


def scope(classes: int) -> str:
    """What an answer cannot say, for a model of so many classes."""
    return f"Whatever an image shows, the answer is one of the {classes} classes."


@dataclass(frozen=True)
class Reason:
    """A text that spoke for the predicted class and against the runner-up.

    Attributes:
        class_name: the class that the text is listed under; of both classes, that of the greater weight.
        matches: whether it counted because the image matches it; else, because the image does not.
        difference: what it adds to the logit of the predicted class minus that of the runner-up.
        describes: the other classes that it describes, where it is a confusion text.
    """

    text: str
    class_name: str
    matches: bool
    difference: float
    describes: tuple[str, ...] = ()

    @property
    def quoted(self) -> str:
        """The text in quotes; of a confusion text, what it describes, since it stands for another class."""
        described = f" (a confusion text: it describes {' or '.join(self.describes)})"
        return f"“{self.text}”{described if self.describes else ''}"


@dataclass(frozen=True)
class Summary:
    """What a person reads first.

    Attributes:
        confidence: probability of the predicted class, in [0, 1].
        runner_up, runner_up_confidence: the second class; None and 0 where there is only one class.
        calibrated: whether the probabilities are calibrated.
        threshold: the confidence below which a person should decide; 0 without a calibration.
        reasons: the texts with the largest difference, at most three, all above zero.
        probabilities: of all classes, the most probable first, as `confidence` is.
        flagged: whether the image counts as `flag_class`, the class of the run's operating point; None
            without one.
        by_images: share of the difference between the logits of the two classes that is from similarity to
            the training images, below 0 where that speaks for the runner-up; None without a visual expert.
    """

    predicted: str
    confidence: float
    runner_up: str | None
    runner_up_confidence: float
    calibrated: bool
    threshold: float
    reasons: tuple[Reason, ...]
    by_images: float | None = None
    probabilities: tuple[float, ...] = ()
    flag_class: str | None = None
    flagged: bool | None = None

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        sure = "after calibration" if self.calibrated else "not calibrated"
        words = f"{self.predicted}, {_percent(self.confidence)} sure ({sure})"
        if self.runner_up is not None:
            words += f", rather than {self.runner_up} ({_percent(self.runner_up_confidence)})"
        matches = [reason.quoted for reason in self.reasons if reason.matches]
        misses = [reason.quoted for reason in self.reasons if not reason.matches]
        because = []
        if self.by_images is not None and self.by_images > 0:
            share = min(self.by_images, 1.0)
            because.append(
                f"looks like the training images of {self.predicted} ({_percent(share)} of the difference)"
            )
        because += [f"matches {_listed(matches)}"] if matches else []
        because += [f"does not match {_listed(misses)} as well"] if misses else []
        words += f", because it {' and '.join(because)}" if because else ""
        if self.by_images is not None and self.by_images < 0:
            words += f", although it looks more like the training images of {self.runner_up}"
        if self.confidence < self.threshold:
            words += f"; that is below the threshold of {_percent(self.threshold)}: a person should decide"
        return f"{words}{self._flag()}."

    def _flag(self) -> str:
        """What the operating point says, where it says something else than the predicted class."""
        if self.flagged is None or self.flagged == (self.predicted == self.flag_class):
            return ""
        counts = "counts" if self.flagged else "does not count"
        return f"; at the operating point it {counts} as {self.flag_class}"


def summarise(
    classes: Sequence[ClassScore],
    calibration: Calibration | None = None,
    point: OperatingPoint | None = None,
) -> Summary:
    """The summary of one image, from its classes with the highest score first."""
    logits = torch.tensor([[row.logit for row in classes]])
    temperature = 1.0 if calibration is None else calibration.temperature
    probabilities = calibrations.probabilities(logits, temperature)[0].tolist()
    best, second = classes[0], classes[1] if len(classes) > 1 else None
    return Summary(
        predicted=best.name,
        confidence=probabilities[0],
        runner_up=None if second is None else second.name,
        runner_up_confidence=0.0 if second is None else probabilities[1],
        calibrated=calibration is not None,
        threshold=0.0 if calibration is None else calibration.threshold,
        reasons=() if second is None else reasons(best, second),
        by_images=None if second is None else by_images(best, second),
        probabilities=tuple(probabilities),
        flag_class=None if point is None else point.class_name,
        flagged=None if point is None else bool(point.flags(logits, tuple(row.name for row in classes))[0]),
    )


def by_images(best: ClassScore, second: ClassScore) -> float | None:
    """Share of the difference between two classes' logits that the visual expert adds; None without one."""
    difference = best.logit - second.logit
    added = [
        one.contribution - other.contribution
        for one, other in zip(best.experts, second.experts, strict=True)
        if one.name == VISUAL
    ]
    return sum(added) / difference if added and difference > 0 else None


def reasons(best: ClassScore, second: ClassScore) -> tuple[Reason, ...]:
    """The texts that contributed most to the difference between the scores of two classes.

    A text listed under both classes speaks for the one in which it has the greater weight; with equal weights
    it speaks for neither, and is left out.
    """
    by_text: dict[str, Reason] = {}
    for texts, others in _banks(best, second):
        shared = {text.text for text in texts} & {text.text for text in others}
        unshared = (r for r in _differences(best, second, texts, others) if r.text not in shared)
        for reason in (*_shared_differences(best, second, texts, others), *unshared):
            if reason.difference > 0:
                by_text[reason.text] = reason
    return tuple(sorted(by_text.values(), key=lambda reason: -reason.difference)[:MOST_REASONS])


def _shared_differences(
    best: ClassScore, second: ClassScore, texts: Sequence[TextScore], others: Sequence[TextScore]
) -> Iterator[Reason]:
    """Each text that both classes have with different weights, and the difference of its contributions."""
    by_text = {text.text: text for text in others}
    for text in texts:
        other = by_text.get(text.text)
        if other is not None and text.weight != other.weight:
            favoured = best if text.weight > other.weight else second
            difference = text.contribution - other.contribution
            yield Reason(text.text, favoured.name, text.score > 0, difference, text.origin.describes)


def _differences(
    best: ClassScore, second: ClassScore, texts: Sequence[TextScore], others: Sequence[TextScore]
) -> Iterator[Reason]:
    """Each text of one bank, with its part in the difference between the two classes.

    A text is compared with an equal share of what the bank contributes to the other class, and counts half,
    as the texts of either class alone already add up to the whole difference.
    """
    total, other_total = (sum(text.contribution for text in bank) for bank in (texts, others))
    for text in texts:
        difference = (text.contribution - other_total / len(texts)) / 2
        yield Reason(text.text, best.name, text.weight > 0, difference, text.origin.describes)
    for text in others:
        difference = (total / len(others) - text.contribution) / 2
        yield Reason(text.text, second.name, text.weight < 0, difference, text.origin.describes)


def _banks(best: ClassScore, second: ClassScore) -> list[tuple[tuple[TextScore, ...], tuple[TextScore, ...]]]:
    """The texts of both classes, bank by bank; training images, and a bank without texts, are left out."""
    pairs = []
    for expert, other_expert in zip(best.experts, second.experts, strict=True):
        if expert.name == VISUAL:
            continue
        for bank, other_bank in zip(expert.banks, other_expert.banks, strict=True):
            if bank.texts and other_bank.texts:
                pairs.append((bank.texts, other_bank.texts))
    return pairs


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
