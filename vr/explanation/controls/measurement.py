"""What a set of sentences is worth beside its controls: paired differences, and one sentence that sums up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vr.evaluation.significance import holm
from vr.evaluation.statistics import Difference, accuracy_interval, paired
from vr.explanation.controls.texts import NAMES, WRITTEN, Control
from vr.runs.predictions import Predictions

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Row:
    """One set of texts.

    Attributes:
        accuracy: mean over seeds, with its 95% interval over images or groups.
        gain: over class names only; None for these.
        loss: accuracy of the sentences as written minus this one; None for those.
        p: of the loss, adjusted for the number of controls (Holm).
    """

    name: str
    title: str
    seeds: int
    accuracy: float
    low: float
    high: float
    gain: Difference | None
    loss: Difference | None
    p: float | None = None


@dataclass(frozen=True)
class Measured:
    """All rows: the sentences as written, class names only, then the controls; and the conclusion."""

    method: str
    rows: tuple[Row, ...]
    sentence: str

    def row(self, name: str) -> Row | None:
        """The row of that control; None where it was not measured."""
        return next((row for row in self.rows if row.name == name), None)


def measure(
    method: str, controls: Mapping[str, Control], predictions: Mapping[str, Mapping[int, Predictions]]
) -> Measured:
    """Compare the sentences as written with class names only and with every control.

    Args:
        method: what scores the images, for the sentence.
        predictions: by control (`WRITTEN` and `NAMES` among them) and seed, on the same images.
    """
    written, names = predictions[WRITTEN], predictions[NAMES]
    rows = []
    for name, title in [(WRITTEN, "as written"), *((c.name, c.title) for c in controls.values())]:
        if name not in predictions:
            continue
        own = predictions[name]
        runs = list(own.values())
        low, high = accuracy_interval(runs)
        accuracy = sum(float((run.predicted == run.labels).double().mean()) for run in runs) / len(runs)
        gain = None if name == NAMES else _difference(own, names)
        loss = None if name == WRITTEN else _difference(written, own)
        rows.append(Row(name, title, len(runs), accuracy, low, high, gain, loss))
    adjusted = iter(holm([row.loss.p for row in rows if row.loss is not None]))
    rows = [row if row.loss is None else replace(row, p=next(adjusted)) for row in rows]
    return Measured(method, tuple(rows), _sentence(method, rows, controls))


def _difference(first: Mapping[int, Predictions], second: Mapping[int, Predictions]) -> Difference | None:
    seeds = [seed for seed in first if seed in second]
    if not seeds:
        return None
    return paired([first[seed] for seed in seeds], [second[seed] for seed in seeds])


def _sentence(method: str, rows: list[Row], controls: Mapping[str, Control]) -> str:
    """How much of the gain over class names only is due to what the sentences say."""
    by_name = {row.name: row for row in rows}
    written = by_name[WRITTEN]
    gain = written.gain
    if gain is None:
        return "No seed has both the sentences as written and class names only."
    mute = [row for row in rows if row.loss is not None and row.name in controls]
    mute = [row for row in mute if controls[row.name].says_nothing]
    best = max(mute, key=lambda row: row.accuracy) if mute else None
    change = f"gain {_points(gain)} over" if gain.mean >= 0 else f"lose {_points(gain, -1)} against"
    text = f"With {method}, the sentences as written {change} class names only"
    if gain.p >= SIGNIFICANT or gain.mean <= 0:
        text += f"{', which may be chance' if gain.p >= SIGNIFICANT else ''} (p {gain.p:.2g})."
        as_written = f"as written {100 * written.accuracy:.1f}%"
        return text if best is None else f"{text} {_beside(best)}, {as_written}."
    if best is None or best.loss is None:
        return f"{text}; without controls that say nothing, it is unknown how much their content is worth."
    if best.loss.mean <= 0:
        as_written = f"as written {100 * written.accuracy:.1f}%"
        return f"{text}; none of it is due to what the sentences say. {_beside(best)}, {as_written}."
    share = 100 * min(1.0, best.loss.mean / gain.mean)
    certain = best.p is not None and best.p < SIGNIFICANT and best.loss.mean > 0
    verdict = "beyond chance" if certain else "which may be chance"
    content = f"of these, {_points(best.loss)} ({share:.0f}%) are due to what the sentences say, {verdict}"
    return f"{text}; {content}. {_beside(best)}."


def _beside(best: Row) -> str:
    title = best.title[0].upper() + best.title[1:]
    return f"{title}, the best of the controls that say nothing, reach {100 * best.accuracy:.1f}%"


def _points(difference: Difference, sign: int = 1) -> str:
    """A difference in words; with the sign -1 as a loss."""
    low, high = sorted((100 * sign * difference.low, 100 * sign * difference.high))
    return f"{100 * sign * difference.mean:.1f} points (95%: {low:+.1f} to {high:+.1f})"
