"""The texts behind a confused pair of classes: those nearest to the misclassified images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vr.data.formats.source import ImageSource, Item
from vr.evaluation.evaluation import map_batches, prepared
from vr.explanation.decomposition import FindOrigin, origins
from vr.methods.common.contributions import Contribution
from vr.report.misclassified import ConfusedPair
from vr.runs.run import Run

IMAGES = 6  # of a pair, the most confident mistakes
_TEXTS = 3


@dataclass(frozen=True)
class NearText:
    """A text that was among the k nearest of its class on `times` of the images; cosine: mean over all.

    `describes` are the other classes that a confusion attribute describes.
    """

    text: str
    describes: tuple[str, ...]
    times: int
    cosine: float


@dataclass(frozen=True)
class BankOnPair:
    """What one bank contributed to a confused pair.

    Attributes:
        margin: contribution to the predicted class minus that to the true one, in logits, mean over images.
        sign: +1 if a near text speaks for its class, -1 if against it.
        predicted, true: the nearest texts of either class.
    """

    name: str
    expert: str
    margin: float
    sign: int
    predicted: tuple[NearText, ...]
    true: tuple[NearText, ...]


@torch.inference_mode()
def misleading_texts(run: Run, source: ImageSource, pairs: Sequence[ConfusedPair]) -> list[list[BankOnPair]]:
    """For each pair, every bank of the method on its `IMAGES` most confident mistakes.

    Raises:
        UserError: the method does not score by texts, or an image cannot be read.
    """
    items = [Item(mistake.path, mistake.label) for pair in pairs for mistake in pair.mistakes[:IMAGES]]
    if not items:
        return []
    run.method.eval()
    batches = map_batches(
        lambda images: prepared(run.method, images),
        run.method,
        source,
        items,
        batch_size=len(items),
        workers=2,
    )
    contributions = [term for rows, _ in batches for term in run.method.contributions(rows)]
    find = origins(run.attributes)
    by_pair, start = [], 0
    for pair in pairs:
        images = slice(start, start + len(pair.mistakes[:IMAGES]))
        start = images.stop
        by_pair.append([_bank(term, images, pair, run.card.class_names, find) for term in contributions])
    return by_pair


def _bank(
    contribution: Contribution, images: slice, pair: ConfusedPair, names: Sequence[str], find: FindOrigin
) -> BankOnPair:
    values, positions = contribution.value[images], contribution.terms.positions[images]
    similarities = contribution.similarities[images].expand(-1, len(names), -1)
    margin = float((values[:, pair.predicted] - values[:, pair.label]).mean())

    def texts(label: int) -> tuple[NearText, ...]:
        words = contribution.texts(label)
        first = positions[:, label, : min(contribution.k or _TEXTS, len(words))].tolist()
        cosines = (similarities[:, label].mean(0) / contribution.tau).tolist()
        return tuple(
            NearText(text, find(names[label], contribution.name, text).describes, times, cosine)
            for text, times, cosine in _most_frequent(first, cosines, words)
        )

    sign = -1 if float(torch.as_tensor(contribution.gate).float().mean()) < 0 else 1
    return BankOnPair(
        contribution.name, contribution.expert, margin, sign, texts(pair.predicted), texts(pair.label)
    )


def _most_frequent(
    positions: Sequence[Sequence[int]], cosines: Sequence[float], words: Sequence[str]
) -> list[tuple[str, int, float]]:
    """The texts that are most often among the first of an image, with that count and their mean cosine.

    Args:
        positions: by image, where its first texts are in `words`.
        cosines: means over the images, by text.
    """
    times = Counter(text for image in positions for text in {words[position] for position in image})
    means = dict(zip(words, cosines, strict=False))
    ordered = sorted(times, key=lambda text: (-times[text], -means[text]))
    return [(text, times[text], means[text]) for text in ordered[:_TEXTS]]
