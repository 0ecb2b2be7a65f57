"""Which texts spoke on the images of a confused pair: the nearest ones of the true class and of the other."""

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

IMAGES = 6  # of a pair, the surest mistakes
_TEXTS = 3


@dataclass(frozen=True)
class FiredText:
    """A text that was among the k nearest of its class on `times` of the images; cosine: mean over all.

    `mimics` are the classes that a confusion attribute describes.
    """

    text: str
    mimics: tuple[str, ...]
    times: int
    cosine: float


@dataclass(frozen=True)
class FiredBank:
    """What one bank had to say about a pair.

    Attributes:
        lean: by how many logits the bank favoured the predicted class over the true one, mean over images.
        sign: +1 where a near text speaks for its class, -1 where against it.
        predicted, true: the texts of either class that fired most.
    """

    name: str
    expert: str
    lean: float
    sign: int
    predicted: tuple[FiredText, ...]
    true: tuple[FiredText, ...]


@torch.inference_mode()
def fired(run: Run, source: ImageSource, pairs: Sequence[ConfusedPair]) -> list[list[FiredBank]]:
    """For each pair, what every bank of the method said on its `IMAGES` surest mistakes.

    Raises:
        UserError: the method does not score by texts, or an image cannot be read.
    """
    items = [Item(each.path, each.label) for pair in pairs for each in pair.mistakes[:IMAGES]]
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
    heard, start = [], 0
    for pair in pairs:
        images = slice(start, start + len(pair.mistakes[:IMAGES]))
        start = images.stop
        heard.append([_bank(term, images, pair, run.card.class_names, find) for term in contributions])
    return heard


def _bank(
    contribution: Contribution, images: slice, pair: ConfusedPair, names: Sequence[str], find: FindOrigin
) -> FiredBank:
    values, positions = contribution.value[images], contribution.terms.positions[images]
    similarities = contribution.similarities[images].expand(-1, len(names), -1)
    lean = float((values[:, pair.predicted] - values[:, pair.label]).mean())

    def texts(label: int) -> tuple[FiredText, ...]:
        words = contribution.texts(label)
        first = positions[:, label, : min(contribution.k or _TEXTS, len(words))].tolist()
        cosines = (similarities[:, label].mean(0) / contribution.tau).tolist()
        return tuple(
            FiredText(text, find(names[label], contribution.name, text).describes, times, cosine)
            for text, times, cosine in _most_frequent(first, cosines, words)
        )

    sign = -1 if float(torch.as_tensor(contribution.gate).float().mean()) < 0 else 1
    return FiredBank(
        contribution.name, contribution.expert, lean, sign, texts(pair.predicted), texts(pair.label)
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
