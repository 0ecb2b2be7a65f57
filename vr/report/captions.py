"""The sentences of a report: captions, text alternatives and warnings, from numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.wording import counted
from vr.runs.history import Row
from vr.runs.metrics_file import seen_note
from vr.runs.run import RunConfig

if TYPE_CHECKING:
    from torch import Tensor

    from vr.report.diagnostics import Bin, Curve
    from vr.report.misleading_texts import BankOnPair

_FEW = 100  # test images below which intervals are wide
_FEW_GROUPS = 30  # groups of test images below which a bootstrap over groups is rough
_EVEN = 0.01  # logits between two classes that are no preference
_NAMED = 20  # classes in a sentence, at most
_GAP = 0.05  # between confidence and accuracy, worth naming


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; names must not be empty."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage, or a dash if it is not defined."""
    return "–" if share is None else f"{100 * share:.{digits}f}%"


def resampled_units(metrics: Mapping[str, Any]) -> str:
    """What the bootstrap of the intervals draws: `images`, or `9 groups of images`."""
    return f"{counted(metrics['groups'], 'group')} of images" if "groups" in metrics else "images"


def headline(metrics: Mapping[str, Any]) -> str:
    """How often it was right, and what always answering the most frequent class would reach."""
    counts = [values["images"] for values in metrics["per_class"].values()]
    total = metrics["images"]
    right = round(metrics["overall"]["accuracy"] * total)
    return (
        f"Right on {right} of {counted(total, metrics['split'] + ' image')}. "
        f"Always answering the most frequent class would be right on {percent(max(counts) / total, 0)}."
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


def classes_listed(listed: int, classes: int) -> str:
    """Which classes a table lists, where it does not list all."""
    if listed == classes:
        return ""
    return f"Of {classes:,} classes the {listed} with the lowest recall; classes.csv has all."


def classes_drawn(drawn: int, classes: int) -> str:
    """Which classes a confusion matrix has, where it does not have all."""
    if drawn == classes:
        return ""
    return f"Of {classes:,} classes the {drawn} that are confused most; confusions.csv lists all pairs."


def classes_sampled(shown: int, classes: int) -> str:
    """Of which classes the sample is shown, where it is not all."""
    return "" if shown == classes else f"Shown: the {shown} classes with the lowest recall."


def confusion(
    matrix: Sequence[Sequence[int]], names: Sequence[str], totals: Sequence[int] | None = None
) -> str:
    """The most frequent mistake.

    Args:
        totals: images of each class; by default the sums of the rows.
    """
    totals = totals or list(map(sum, matrix))
    mistakes = [
        (count, row, column)
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    if not mistakes:
        return "No image was taken for another class."
    count, row, column = max(mistakes, key=lambda entry: entry[0])
    return (
        f"The most frequent mistake: {names[row]} taken for {names[column]}, "
        f"{count} of {counted(totals[row], 'image')} ({percent(count / totals[row], 0)})."
    )


def confusion_alt(
    matrix: Sequence[Sequence[int]], names: Sequence[str], totals: Sequence[int] | None = None
) -> str:
    """The matrix in words; `totals` as for `confusion`."""
    totals = totals or list(map(sum, matrix))
    rows = [
        f"{name}: {matrix[label][label]} of {total} right"
        for label, (name, total) in enumerate(zip(names, totals, strict=True))
    ]
    most = confusion(matrix, names, totals)
    return f"Confusion matrix, rows true, columns predicted. {'; '.join(rows)}. {most}"


def confidence(bins: Sequence[Bin]) -> list[str]:
    """Whether confidence and accuracy agree, on average and bin by bin: what the diagram shows."""
    total = sum(bin_.images for bin_ in bins)
    sure = sum(bin_.images * bin_.confidence for bin_ in bins if bin_.images) / total
    right = sum(bin_.images * bin_.accuracy for bin_ in bins if bin_.images) / total
    verdict = "the two agree"
    if abs(sure - right) > 0.02:
        verdict = f"{_direction(sure - right)} by {100 * abs(sure - right):.0f} points"
    lines = [f"On average it is {percent(sure, 0)} sure and {percent(right, 0)} right: {verdict}."]
    lines += [_group(group) for group in _groups(bins)]
    if len(lines) == 1:
        lines.append(f"In no bin is the gap above {100 * _GAP:.0f} points and beyond chance.")
    return lines


def _groups(bins: Sequence[Bin]) -> list[list[Bin]]:
    """Neighbouring bins with a gap beyond chance in the same direction."""
    groups: list[list[Bin]] = []
    for bin_ in bins:
        if not bin_.images or abs(bin_.gap) <= _GAP or not bin_.is_beyond_chance:
            continue
        last = groups[-1][-1] if groups else None
        if last is not None and last.high == bin_.low and (last.gap > 0) == (bin_.gap > 0):
            groups[-1].append(bin_)
        else:
            groups.append([bin_])
    return groups


def _group(bins: Sequence[Bin]) -> str:
    images = sum(bin_.images for bin_ in bins)
    right = sum(bin_.images * bin_.accuracy for bin_ in bins) / images
    word = _direction(bins[0].gap).capitalize()
    low, high = percent(bins[0].low, 0), percent(bins[-1].high, 0)
    count = counted(images, "image")
    return f"{word} where it is {low} to {high} sure: right on {percent(right, 0)} of {count}."


def _direction(gap: float) -> str:
    return "overconfident" if gap > 0 else "underconfident"


def reliability_alt(bins: Sequence[Bin], ece: float) -> str:
    """The reliability diagram in words."""
    parts = [
        f"{bin_.low:.0%} to {bin_.high:.0%} sure: right on {percent(bin_.accuracy, 0)} of {bin_.images}"
        for bin_ in bins
    ]
    return f"Reliability diagram, ECE {percent(ece)}. {'; '.join(parts)}."


def areas_alt(what: str, area: str, curves: Sequence[Curve | None], names: Sequence[str]) -> str:
    """Curves by class in words."""
    parts = [
        f"{name} {curve.area:.2f}" for name, curve in zip(names, curves, strict=True) if curve is not None
    ]
    return f"{what} of each class against the rest; {area}: {', '.join(parts) or 'none is defined'}."


def training(
    history: Sequence[Row], selected: int | None, select: str, test: float | None, *, texts_alone: bool
) -> str:
    """How the loss changed, which epoch was kept, and whether only the texts decided (`texts_alone`)."""
    first, last = history[0], history[-1]
    change = "fell" if last["loss"] < first["loss"] else "went"
    epochs = counted(len(history), "epoch")
    text = f"The loss {change} from {first['loss']:.3g} to {last['loss']:.3g} in {epochs}. "
    why = "the best on validation" if select == "val" else "the last"
    text += f"Kept: epoch {selected}, {why}. " if selected is not None else ""
    kept = next((row for row in history if row["epoch"] == selected), last)
    if test is not None:
        text += f"It was right on {percent(kept['train_accuracy'], 0)} of the training images"
        text += f" (as augmented), and on {percent(test, 0)} of the test images."
    if texts_alone:
        text += " While training, the texts alone decide; the visual expert is fitted afterwards."
    return text


def gate(history: Sequence[Row]) -> str:
    """The last weights of the gate, and what they mean."""
    positive, negative = history[-1]["gate_pos"], history[-1]["gate_neg"]
    text = f"The gate ended at {positive:.2f} : {negative:.2f} (positive : negative)"
    if min(positive, negative) < 0.01:
        return f"{text}: the {'positive' if positive > negative else 'negative'} expert alone decides."
    if abs(positive - negative) < 0.02:
        return f"{text}: both experts weigh the same."
    return f"{text}: the {'positive' if positive > negative else 'negative'} expert weighs more."


def warnings(metrics: Mapping[str, Any], bins: Sequence[Bin], weights: str | None) -> list[str]:
    """What a reader should know before trusting the numbers; the method's own warnings are elsewhere."""
    lines = []
    if weights == "random":
        lines.append("The backbone has random weights: this run only tests the program.")
    if "limited_from" in metrics:
        lines.append(
            f"A quick try: only {metrics['images']:,} of {metrics['limited_from']:,} images were measured."
        )
    if metrics.get("seen"):
        lines.append(f"{seen_note(metrics)}.")
    if metrics["images"] < _FEW:
        lines.append(f"Only {counted(metrics['images'], metrics['split'] + ' image')}: intervals are wide.")
    if metrics.get("groups", _FEW_GROUPS) < _FEW_GROUPS:
        lines.append(
            f"The {metrics['split']} images are of {counted(metrics['groups'], 'group')} only, such as "
            "patients: intervals draw whole groups, and from so few they are rough."
        )
    named = map(sum, zip(*metrics["confusion_matrix"], strict=True))
    never = [name for name, count in zip(metrics["per_class"], named, strict=True) if not count]
    if never:
        lines.append(f"Never predicted: {_first(never)}.")
    absent = [name for name, values in metrics["per_class"].items() if not values["images"]]
    if absent:
        lines.append(f"Without {metrics['split']} images, so not measured: {_first(absent)}.")
    total = sum(bin_.images for bin_ in bins)
    gap = sum(bin_.images * (bin_.confidence - bin_.accuracy) for bin_ in bins if bin_.images) / total
    if gap > _GAP:
        lines.append(
            "The confidences are too high to be taken as probabilities: see the reliability diagram. "
            "Calibration corrects them."
        )
    if metrics["split"] != "test":
        lines.append(
            f"Measured on the {metrics['split']} split: no estimate of how good it is on new images."
        )
    if "oracle" in metrics:
        oracle = metrics["oracle"]
        lines.append(
            f"An oracle was requested: {percent(oracle['accuracy'])} in epoch {oracle['epoch']}, "
            "selected on the test set, is an upper bound and not a result."
        )
    return lines


def _first(names: Sequence[str]) -> str:
    """The names, or of many the first and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_NAMED])} and {more:,} more"


def facts(config: RunConfig) -> str:
    """The run in one line."""
    preset = "" if config.preset == "default" else f" ({config.preset})"
    backbone = Path(config.backbone.name).name if "/" in config.backbone.name else config.backbone.name
    return (
        f"{config.method}{preset}, {counted(config.shots, 'training image')} per class, seed {config.seed}, "
        f"on a frozen {backbone}; {counted(config.learned_parameters, 'learned number')}."
    )


def sentence(text: str) -> str:
    """The same text as a whole sentence."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def areas(curve: Curve | None, pr_curve: Curve | None) -> str:
    """The areas under the curves of a class."""
    if curve is None or pr_curve is None:
        return "not defined"
    return f"AUROC {curve.area:.2f}, AP {pr_curve.area:.2f}"


def loss(last: Row, beta: float | None) -> str:
    """The terms of the loss."""
    if beta is None or not beta:
        return "The training loss: cross-entropy of the scores, in nats per image."
    return (
        f"Loss = cross-entropy + {beta:g} × penalty. The penalty grows where the negative expert scores a "
        f"class within the margin of the true class or above it; in the last epoch: {last['penalty']:.3g}."
    )


def program_name(expert: str, count: int) -> str:
    """The name of an expert's program."""
    return (
        {"pos": "positive program", "neg": "negative program"}.get(expert, expert) if count > 1 else "program"
    )


def program(values: Tensor) -> str:
    """How far a program is from its start, from the values (3, N) of the pixels that it may change."""
    if bool((values < 0).any()):
        return f"it adds {float(values.min()):+.2f} to {float(values.max()):+.2f} of the full range"
    extreme = float(((values < 0.05) | (values > 0.95)).float().mean())
    moved = float((values - 0.5).abs().mean())
    if moved < 1e-3:
        return "still the mid-grey of its start"
    return (
        f"it started as mid-grey, 0.5; the mean distance from it is {moved:.2f}, and {100 * extreme:.0f}% of "
        "its values are black or white"
    )


def programs(signed: bool) -> str:
    """What a program is, in words."""
    if signed:
        return "The border that is added onto every image. Here mid-grey means that nothing is added."
    return (
        "The frame that is put around every image: only these pixels are learned, the backbone is frozen. "
        "Shown as it is added: sigmoid(delta) within the frame."
    )


def shown(images: int, pictures: int) -> str:
    """How many images there are, and how many of them are shown."""
    count = counted(images, "image")
    return count if pictures in (0, images) else f"{count}, {pictures} of them shown"


def sample(train: int, val: int) -> str:
    """The size of the sample."""
    return f"{counted(train, 'training image')}, {counted(val, 'validation image')}."


def favoured(banks: Sequence[BankOnPair], predicted: str, true: str) -> str:
    """Which expert caused the mistake, from the contributions of its banks."""
    by_expert: dict[str, float] = {}
    for bank in banks:
        by_expert[bank.expert] = by_expert.get(bank.expert, 0.0) + bank.margin
    if not by_expert:
        return ""
    parts = [
        f"the {expert} expert favoured {predicted if logits > 0 else true} by {abs(logits):.2f} logits"
        if abs(logits) >= _EVEN
        else f"the {expert} expert favoured neither"
        for expert, logits in by_expert.items()
    ]
    return sentence(f"on average over the images shown, {' and '.join(parts)}")
