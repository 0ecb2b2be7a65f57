"""What the page says in words: captions, text alternatives and warnings, from numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from vr.runs.history import Row
from vr.runs.run import RunConfig

if TYPE_CHECKING:
    from vr.report.diagnostics import Bin, Curve
    from vr.report.misleading_texts import FiredBank

_FEW = 100  # test images below which intervals are wide
_EVEN = 0.01  # logits between two classes that nobody would call a preference
_SPREAD = 0.05  # a gap between confidence and accuracy worth a warning


def counted(number: int, noun: str) -> str:
    """`1 image`, `12 images`, `1,000 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage, or a dash where it is not defined."""
    return "–" if share is None else f"{100 * share:.{digits}f}%"


def headline(metrics: Mapping[str, Any]) -> str:
    """How often it was right, against guessing."""
    counts = [values["images"] for values in metrics["per_class"].values()]
    total = metrics["images"]
    right = round(metrics["overall"]["accuracy"] * total)
    return (
        f"Right on {right} of {total} {metrics['split']} images. "
        f"Always answering the commonest class would be right on {percent(max(counts) / total, 0)}."
    )


def classes(metrics: Mapping[str, Any]) -> str:
    """Which class is recognised best, and which worst."""
    measured = {name: values["recall"] for name, values in metrics["per_class"].items()}
    recalls = {name: recall for name, recall in measured.items() if recall is not None}
    best, worst = max(recalls, key=recalls.__getitem__), min(recalls, key=recalls.__getitem__)
    if recalls[best] == recalls[worst]:
        return f"All classes are recognised equally well: {percent(recalls[best], 0)} of their images."
    return (
        f"Recognised best: {best} ({percent(recalls[best], 0)} of its images); "
        f"worst: {worst} ({percent(recalls[worst], 0)})."
    )


def confusion(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """The commonest mistake."""
    counted = [
        (count, row, column)
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    if not counted:
        return "No image was taken for another class."
    count, row, column = max(counted, key=lambda entry: entry[0])
    return (
        f"The commonest mistake: {names[row]} taken for {names[column]}, "
        f"{count} of {sum(matrix[row])} images ({percent(count / sum(matrix[row]), 0)})."
    )


def confusion_alt(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """The matrix in words."""
    rows = [
        f"{name}: {counts[place]} of {sum(counts)} right"
        for place, (name, counts) in enumerate(zip(names, matrix, strict=True))
    ]
    return f"Confusion matrix, rows true, columns predicted. {'; '.join(rows)}. {confusion(matrix, names)}"


def confidence(bins: Sequence[Bin]) -> str:
    """Whether confidence and accuracy agree on the whole."""
    total = sum(own.images for own in bins)
    sure = sum(own.images * own.confidence for own in bins if own.images) / total
    right = sum(own.images * own.accuracy for own in bins if own.images) / total
    gap = sure - right
    verdict = "about as sure as it should be"
    if abs(gap) > 0.02:
        verdict = f"{'overconfident' if gap > 0 else 'underconfident'} by {100 * abs(gap):.0f} points"
    return f"On average it is {percent(sure, 0)} sure and {percent(right, 0)} right: {verdict}."


def reliability_alt(bins: Sequence[Bin], ece: float) -> str:
    """The reliability diagram in words."""
    parts = [
        f"{own.low:.0%} to {own.high:.0%} sure: right on {percent(own.accuracy, 0)} of {own.images}"
        for own in bins
    ]
    return f"Reliability diagram, ECE {percent(ece)}. {'; '.join(parts)}."


def areas_alt(what: str, area: str, curves: Sequence[Curve | None], names: Sequence[str]) -> str:
    """Curves by class in words."""
    parts = [
        f"{name} {curve.area:.2f}" for name, curve in zip(names, curves, strict=True) if curve is not None
    ]
    return f"{what} of each class against the rest; {area}: {', '.join(parts) or 'none is defined'}."


def training(history: Sequence[Row], selected: int | None, select: str, test: float | None) -> str:
    """What became of the loss, and which epoch was kept."""
    first, last = history[0], history[-1]
    epochs = f"{len(history)} epochs" if len(history) > 1 else "one epoch"
    went = "fell" if last["loss"] < first["loss"] else "went"
    text = f"The loss {went} from {first['loss']:.3g} to {last['loss']:.3g} in {epochs}. "
    why = "the best on validation" if select == "val" else "the last"
    text += f"Kept: epoch {selected}, {why}. " if selected is not None else ""
    kept = next((row for row in history if row["epoch"] == selected), last)
    if test is not None:
        text += f"It was right on {percent(kept['train_accuracy'], 0)} of the training images"
        text += f" (as augmented), and on {percent(test, 0)} of the test images."
    return text


def gate(history: Sequence[Row]) -> str:
    """Where the gate ended and what that means."""
    positive, negative = history[-1]["gate_pos"], history[-1]["gate_neg"]
    text = f"The gate ended at {positive:.2f} : {negative:.2f} (positive : negative)"
    if min(positive, negative) < 0.01:
        return f"{text}: the {'positive' if positive > negative else 'negative'} expert alone decides."
    if abs(positive - negative) < 0.02:
        return f"{text}: both experts weigh the same."
    return f"{text}: the {'positive' if positive > negative else 'negative'} expert weighs more."


def warnings(metrics: Mapping[str, Any], bins: Sequence[Bin], weights: str | None) -> list[str]:
    """What a reader should beware of, beside what the method itself warns of."""
    found = []
    if weights == "random":
        found.append("The backbone has random weights: this run tries the program out and says nothing else.")
    if metrics["images"] < _FEW:
        found.append(f"There are only {metrics['images']} {metrics['split']} images: intervals are wide.")
    named = map(sum, zip(*metrics["confusion_matrix"], strict=True))
    never = [name for name, count in zip(metrics["per_class"], named, strict=True) if not count]
    if never:
        found.append(f"Never predicted: {', '.join(never)}.")
    absent = [name for name, values in metrics["per_class"].items() if not values["images"]]
    if absent:
        found.append(f"Without {metrics['split']} images, so not measured: {', '.join(absent)}.")
    total = sum(own.images for own in bins)
    gap = sum(own.images * (own.confidence - own.accuracy) for own in bins if own.images) / total
    if gap > _SPREAD:
        found.append(
            "The confidences are too high to be taken as probabilities: see the reliability diagram. "
            "vr calibrate mends that."
        )
    if metrics["split"] != "test":
        found.append(
            f"Measured on the {metrics['split']} split: no estimate of how good it is on new images."
        )
    if "oracle" in metrics:
        oracle = metrics["oracle"]
        found.append(
            f"An oracle column was asked for: {percent(oracle['accuracy'])} in epoch {oracle['epoch']}, "
            "selected on the test set, is an upper bound and not a result."
        )
    return found


def facts(config: RunConfig) -> str:
    """The run in a line."""
    preset = "" if config.preset == "default" else f" ({config.preset})"
    backbone = Path(config.backbone.name).name if "/" in config.backbone.name else config.backbone.name
    return (
        f"{config.method}{preset}, {config.shots} training images a class, seed {config.seed}, on a frozen "
        f"{backbone}; {config.learned_parameters:,} learned numbers."
    )


def sentence(text: str) -> str:
    """The same text as a whole sentence."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def areas(curve: Curve | None, pr_curve: Curve | None) -> str:
    """The areas below a class's curves."""
    if curve is None or pr_curve is None:
        return "not defined"
    return f"AUROC {curve.area:.2f}, AP {pr_curve.area:.2f}"


def loss(last: Row, beta: float | None) -> str:
    """What the loss is made of."""
    if beta is None or not beta:
        return "The loss that training lowers: the cross-entropy of the scores, in nats an image."
    return (
        f"Loss = cross-entropy + {beta:g} × penalty. The penalty grows where the negative expert scores a "
        f"class within the margin of the true class or above it; it ended at {last['penalty']:.3g}."
    )


def program_name(expert: str, count: int) -> str:
    """What to call an expert's program."""
    return (
        {"pos": "positive program", "neg": "negative program"}.get(expert, expert) if count > 1 else "program"
    )


def program(values: Tensor) -> str:
    """How far a program has gone from where it started, from what it adds (3, N) where it may."""
    if bool((values < 0).any()):
        return f"it adds {float(values.min()):+.2f} to {float(values.max()):+.2f} of the full range"
    extreme = float(((values < 0.05) | (values > 0.95)).float().mean())
    moved = float((values - 0.5).abs().mean())
    if moved < 1e-3:
        return "still the mid-grey that it started as"
    return (
        f"it started as mid-grey, 0.5, and is {moved:.2f} away from it on average; {100 * extreme:.0f}% of "
        "its values have gone all the way to black or white"
    )


def programs(signed: bool) -> str:
    """What a program is."""
    if signed:
        return "The border that is added onto every image. Here mid-grey means that nothing is added."
    return (
        "The frame that is put around every image: the frozen backbone is steered by these pixels alone. "
        "What is shown is what is really added, sigmoid(delta) within the frame."
    )


def shown(images: int, pictures: int) -> str:
    """How many images there are, and how many of them are pictured."""
    count = f"{images} image{'' if images == 1 else 's'}"
    return count if pictures in (0, images) else f"{count}, {pictures} of them shown"


def sample(train: int, val: int) -> str:
    """The size of the sample."""
    rest = f"; {val} more were set apart for validation" if val else "; none were set apart for validation"
    return f"{train} images to train on{rest}."


def leaning(banks: Sequence[FiredBank], predicted: str, true: str) -> str:
    """Which expert made the mistake, from what its banks gave."""
    by_expert: dict[str, float] = {}
    for bank in banks:
        by_expert[bank.expert] = by_expert.get(bank.expert, 0.0) + bank.lean
    if not by_expert:
        return ""
    parts = [
        f"the {expert} expert leant towards {predicted if logits > 0 else true} by {abs(logits):.2f} logits"
        if abs(logits) >= _EVEN
        else f"the {expert} expert leant neither way"
        for expert, logits in by_expert.items()
    ]
    return sentence(f"on average over the images shown, {' and '.join(parts)}")
