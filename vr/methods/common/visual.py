"""The visual expert: linear classifiers of reprogrammed training images beside the texts.

It sees an image in several views: what the frozen CLIP makes of it inside each trained program, and at other
sizes in the middle of grey. Each view has a classifier, fitted after training:

    prototype   `w_c` = the unit mean of class c, times a scale (Snell et al., NeurIPS 2017)
    gda         Gaussian classes with one covariance, times a scale (see `vr.methods.common.gaussian`)
    probe       logistic regression with L2 regularisation of inverse strength C

The scale makes held-out training images most likely in a cross-validation, so that scores are on the scale of
log-probabilities, as those of a probe and, after training, of the texts are. No validation image is needed.
The visual score is the mean over the views, in which the programs together count as one view; the fused score
is `(1 - w) * texts + w * visual`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.backbone import Backbone
from vr.clip.bank import Bank
from vr.methods.common.contributions import Contribution
from vr.methods.common.gaussian import gaussian_classifier
from vr.methods.common.logistic import Samples, fitted, weights_and_biases
from vr.methods.common.options import VisualOptions
from vr.methods.common.stored import stored

Form = Literal["prototype", "gda", "probe"]
WEIGHTS = tuple(step / 10 for step in range(11))
SCALES = tuple(10 ** (step / 4) for step in range(-16, 13))
UNCHOSEN_SCALE = {"prototype": 20.0, "gda": 1.0}  # with one image of a class
UNCHOSEN_WEIGHT = 0.5
_FOLDS = 4
_GREY = 0.5  # as programs start
_ABSENT = -1e4  # the bias of a class without training images


class Linear(NamedTuple):
    """Scores `z @ weight.T + bias` of features, per view: weight (V, C, D), bias (V, C)."""

    weight: Tensor
    bias: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """(V, B, C) of features (V, B, D)."""
        return features @ self.weight.mT + self.bias[:, None]


class VisualExpert:
    """The visual expert of one method.

    Args:
        programs: their names.

    Attributes:
        views, shares: names of the views, the programs first, and their weights in the visual score.
        classifiers: of every view; None before it is fitted.
        weight: of its scores in the fused ones.
    """

    def __init__(self, options: VisualOptions, class_names: Sequence[str], programs: Sequence[str]) -> None:
        self.options = options
        self.class_names = tuple(class_names)
        self.views = (*programs, *(f"{scale:.0%}" for scale in options.visual_scales))
        kinds = 1 + len(options.visual_scales)
        self.shares = (1 / (len(programs) * kinds),) * len(programs) + (1 / kinds,) * (kinds - 1)
        self.classifiers: Linear | None = None
        self.weight = 0.0

    def fit(self, passes: Iterator[Tensor], labels: Tensor) -> None:
        """Fit it to the unit features (V, N, D) of every view of the training images, pass by pass."""
        form, c, classes = self.options.visual, self.options.visual_c, len(self.class_names)
        assert form != "none"
        fits = [scaled_classifier(form, view, labels, classes, c) for view in torch.stack(list(passes), 1)]
        self.classifiers = Linear(
            torch.stack([fit.weight for fit in fits]), torch.stack([fit.bias for fit in fits])
        )
        self.weight = UNCHOSEN_WEIGHT if self.options.visual_weight is None else self.options.visual_weight

    def choose_weight(self, texts: Tensor, features: Tensor, labels: Tensor) -> None:
        """Set the weight of the greatest likelihood on validation, given the texts' scores (N, C) there.

        Of equally likely weights the smallest is taken.
        """
        assert self.classifiers is not None
        scores = self.classifiers.scores(features)
        visual = sum(share * view for share, view in zip(self.shares, scores, strict=True))

        def likelihood(weight: float) -> float:
            return -float(F.cross_entropy((1 - weight) * texts + weight * visual, labels))

        self.weight = max(WEIGHTS, key=likelihood)

    def beside(self, texts: list[Contribution], features: Tensor) -> list[Contribution]:
        """The contributions of the texts, weighted, and its own; before it is fitted, the texts' as they are.

        Args:
            features: (V, B, D), unit for each view.

        Raises:
            ValueError: a view is missing, as where images were prepared for training.
        """
        if self.classifiers is None:
            return texts
        if len(features) != len(self.views):
            raise ValueError(
                f"{len(features)} views of the images, but the visual expert has {len(self.views)}"
            )
        weighted = [replace(term, gate=(1 - self.weight) * term.gate) for term in texts]
        return [*weighted, *map(self._contribution, self.views, self.shares, features, *self.classifiers)]

    def tensors(self) -> dict[str, Tensor]:
        """`visual.weight` (V, C, D), `visual.bias` (V, C), the scalar `visual.mix`; nothing before `fit`."""
        if self.classifiers is None:
            return {}
        mix = torch.tensor(self.weight, dtype=torch.float64)
        return {
            "visual.weight": self.classifiers.weight,
            "visual.bias": self.classifiers.bias,
            "visual.mix": mix,
        }

    def load(self, tensors: Mapping[str, Tensor], outputs: int) -> None:
        """The reverse of `tensors`.

        Args:
            outputs: the backbone's D.

        Raises:
            ValueError: they are of other views, classes or features, or no weight.
        """
        if "visual.weight" not in tensors:
            return
        weight, bias = stored(tensors, "visual.weight"), stored(tensors, "visual.bias")
        rows = (len(self.views), len(self.class_names))
        if weight.shape != (*rows, outputs) or bias.shape != rows:
            raise ValueError(f"visual.weight has the shape {tuple(weight.shape)}")
        mix = float(tensors["visual.mix"])
        if not 0 <= mix <= 1:
            raise ValueError(f"visual.mix is {mix:g}")
        self.classifiers, self.weight = Linear(weight, bias), mix

    def _contribution(
        self, view: str, share: float, features: Tensor, weight: Tensor, bias: Tensor
    ) -> Contribution:
        """The scores of one view as those of one 'text' per class, which stands for its training images.

        A constant feature carries the bias; the length of a class's weights is the weight of its text.
        """
        extended = F.pad(features, (0, 1), value=1.0) / 2**0.5
        rows = torch.cat([weight, bias[:, None]], 1)
        lengths = rows.norm(dim=1, keepdim=True)
        texts = tuple((f"the training images of {name}",) for name in self.class_names)
        present = torch.ones(len(texts), 1, dtype=torch.bool, device=rows.device)
        bank = Bank((rows / lengths.clamp(min=1e-12))[:, None], present, texts)
        return Contribution(
            f"images, {view}",
            bank,
            extended,
            1.0,
            weights=2**0.5 * lengths,
            share=share,
            expert="visual",
            gate=self.weight,
        )


def scaled_views(backbone: Backbone, images: Tensor, scales: Sequence[float]) -> Tensor:
    """Unit features (S, B, D) of images (B, 3, s, s) in [0, 1] at each size, in the middle of grey.

    Args:
        scales: shares of the side of the backbone's input that the image takes; 1 leaves no grey.
    """
    views = []
    for scale in scales:
        border = round((1 - scale) * backbone.image_size / 2)
        side = backbone.image_size - 2 * border
        resized = F.interpolate(images.float(), size=side, mode="bicubic", antialias=True).clamp(0, 1)
        views.append(backbone.encode_image(F.pad(resized, (border,) * 4, value=_GREY)))
    return torch.stack(views)


def packed(inputs: Tensor, views: Tensor) -> Tensor:
    """One float32 row (B, ...) per image: an encoder's input, then its features (S, B, D)."""
    return torch.cat([inputs.float().flatten(1), *views], 1)


def unpacked(rows: Tensor, scales: int, outputs: int) -> tuple[Tensor, Tensor]:
    """The reverse of `packed`: flat inputs, and features (S, B, D) with D `outputs`."""
    split = rows.shape[1] - scales * outputs
    return rows[:, :split], rows[:, split:].unflatten(1, (scales, outputs)).movedim(1, 0)


def scaled_classifier(form: Form, features: Tensor, labels: Tensor, classes: int, c: float) -> Linear:
    """The classifier of one view, from passes (P, N, D) of N images, at the scale of log-probabilities."""
    scale = 1.0 if form == "probe" else chosen_scale(form, features, labels, classes)
    weight, bias = classifier(form, features, labels, classes, c)
    present = torch.bincount(labels, minlength=classes) > 0
    return Linear(scale * weight, torch.where(present, scale * bias, bias.new_tensor(_ABSENT)))


def classifier(form: Form, features: Tensor, labels: Tensor, classes: int, c: float) -> Linear:
    """Weights (C, D) and biases (C,) from passes (P, N, D) of N images; `c`: of a probe."""
    rows, targets = features.flatten(0, 1), labels.repeat(len(features))
    if form == "gda":
        return Linear(*gaussian_classifier(rows, targets, classes))
    if form == "prototype":
        sums = F.one_hot(targets, classes).to(rows).T @ rows
        return Linear(F.normalize(sums, dim=-1), rows.new_zeros(classes))
    weight, bias = weights_and_biases(fitted(Samples.of(rows, targets), c), classes)
    return Linear(weight.to(rows), bias.to(rows))


def chosen_scale(form: Form, features: Tensor, labels: Tensor, classes: int) -> float:
    """The scale of a view's scores with the greatest likelihood of held-out images, by cross-validation.

    Images of each class are dealt out in turn to at most four folds, with all their passes; held-out images
    are scored in the first pass, as they are. With one image of a class nothing can be held out.
    """
    counts = torch.bincount(labels, minlength=classes)
    folds = min(_FOLDS, int(counts[counts > 0].min()))
    if folds < 2:
        return UNCHOSEN_SCALE[form]
    members = F.one_hot(labels, classes)
    fold_of = (members.cumsum(0) * members).sum(1) % folds
    scores = features.new_zeros(len(labels), classes)
    for fold in range(folds):
        held_out = fold_of == fold
        weight, bias = classifier(form, features[:, ~held_out], labels[~held_out], classes, 1.0)
        scores[held_out] = features[0, held_out] @ weight.T + bias
    return min(SCALES, key=lambda scale: float(F.cross_entropy(scale * scores, labels)))
