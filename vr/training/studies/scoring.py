"""How good settings are on images that training did not see, none of them of the test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vr.clip import backbone as backbones
from vr.data.formats.source import Item
from vr.data.loading.training_images import TrainingImages
from vr.evaluation.evaluation import evaluate
from vr.methods import find_method
from vr.methods.common.base import Context, Method
from vr.methods.common.facts import Options
from vr.methods.common.recipe import Recipe
from vr.runs.experiment import Resolved
from vr.runs.predictions import joined
from vr.runtime.device import resolve_device, resolve_precision
from vr.training.sample import ExperimentImages
from vr.training.trainer import Trainer


@dataclass(frozen=True)
class Score:
    """Of held-out images: accuracy in [0, 1], and negative log-likelihood in nats per image."""

    accuracy: float
    nll: float


class Scorer:
    """Trains with given settings and scores the held-out images; the backbone is loaded once.

    Args:
        parts: training and held-out images of each fold; without any, the sample is trained on and the
            validation images are scored.
    """

    def __init__(
        self,
        resolved: Resolved,
        images: ExperimentImages,
        parts: Sequence[tuple[Sequence[Item], Sequence[Item]]],
    ) -> None:
        asked = resolved.asked
        device = resolve_device(asked.device)
        self.resolved, self.images = resolved, images
        self.parts = list(parts) or [(images.sample.train, images.sample.val)]
        self.backbone = backbones.load(
            asked.backbone,
            asked.weights,
            device=device,
            precision=resolve_precision(asked.precision, device),
        )

    def score(self, options: Options, recipe: Recipe) -> Score:
        """Over all held-out images together."""
        scored = []
        for train, rest in self.parts:
            method = self._trained(options, recipe, train)
            scored.append(evaluate(method, self.images.source, rest))
        together = joined(scored)
        nll = torch.nn.functional.cross_entropy(together.logits.double(), together.labels)
        return Score(float((together.predicted == together.labels).double().mean()), float(nll))

    def _trained(self, options: Options, recipe: Recipe, train: Sequence[Item]) -> Method:
        asked = self.resolved.asked
        torch.manual_seed(asked.seed)
        context = Context(self.backbone, self.resolved.card, self.resolved.attributes, seed=asked.seed)
        method = find_method(asked.method)(context, options)
        val = self.images.sample.val
        trainer = Trainer(
            method,
            self._loaded(method, train),
            recipe,
            asked.seed,
            val=self._loaded(method, val) if val else None,
            select=asked.select,
        )
        trainer.train()
        return method

    def _loaded(self, method: Method, items: Sequence[Item]) -> TrainingImages:
        return TrainingImages.load(
            self.images.source,
            items,
            method.image_size,
            self.backbone.preprocessing,
            device=self.backbone.device,
        )
