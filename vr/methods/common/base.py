"""What a method is: how it sees images, how it scores them, its loss and what it learns.

The trainer knows nothing else of a method, so that every system of the table runs under one protocol.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from vr.clip.backbone import Backbone
from vr.clip.bank import Bank
from vr.methods.common.contributions import Contribution, Scores, total
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options
from vr.reprogramming.program import Program


class Loss(NamedTuple):
    """Scalars: what is minimised, and the parts that history.csv tells apart."""

    total: Tensor
    cross_entropy: Tensor
    penalty: Tensor


@dataclass(frozen=True)
class Context:
    """What a method is built from.

    Attributes:
        backbone: the frozen CLIP.
        card: classes in label order.
        attributes: the attribute set with the card's class names, or None where a method needs none.
        seed: of everything that the method draws at random.
        attributes_file: the file of the set, for messages.
    """

    backbone: Backbone
    card: Card
    attributes: AttributeSet | None
    seed: int = 0
    attributes_file: str | None = None


def needs_attributes(name: str) -> UserError:
    """The error of a method that reads attributes and was given none."""
    return UserError(
        f"{name} needs an attribute set", code="method-needs-attributes", remedy="Give one with --attrs FILE."
    )


class Method(Declaration, nn.Module):
    """Base of all methods. A subclass has a file of its own in `vr/methods`, or comes from another package.

    Class attributes, besides those of `Declaration`:
        reads: `images`, or only the backbone's `features` of them. The features of an image are the same for
            all methods that read them, so they are computed once and shared.
        fits: whether `fit` is called before the first epoch even where there are epochs.
        class_weights: (C,) of the classes in the cross-entropy, set by the trainer; None weighs none.
        recounts: whether `recount` is called.
        refits: whether `refit` is called, and is given how many augmented `refit_passes`.
        refits_on_validation: whether `refit` reads validation images.
    """

    reads: ClassVar[Literal["features", "images"]] = "images"
    fits: ClassVar[bool] = False
    recounts: bool = False
    refits: bool = False
    refits_on_validation: bool = False
    refit_passes: int = 0

    image_size: int
    class_weights: Tensor | None = None

    def __init__(self, context: Context, options: Options | None = None) -> None:
        super().__init__()
        self.context = context
        self.tau = context.backbone.tau
        self.banks: dict[str, Bank] = {}

    def bank(self, name: str) -> Bank:
        """The bank of that name, built from the attribute set or loaded.

        Raises:
            UserError: there was neither an attribute set nor a stored bank.
        """
        if name not in self.banks:
            raise needs_attributes(self.name)
        return self.banks[name]

    def learned(self, images: int) -> int:
        """Number of trained parameters, given the number of training images."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    @abstractmethod
    def prepare(self, images: Tensor) -> Tensor:
        """What training does not change of images (B, 3, image_size, image_size) in [0, 1], batch first.

        It is computed without gradient, and once per run where images are not augmented.
        """

    def contributions(self, prepared: Tensor) -> list[Contribution]:
        """What each bank of texts adds to the scores of prepared images.

        Raises:
            UserError: the scores of this method are not a sum over texts.
        """
        raise UserError(
            f"{self.name} does not score images by texts alone, so no text stands for its scores",
            code="method-without-contributions",
        )

    def scores(self, prepared: Tensor) -> Scores:
        """Class scores of prepared images: the sum of the contributions, unless a method says otherwise."""
        return total(self.contributions(prepared))

    def programs(self) -> dict[str, Program]:
        """What is added to every image, by expert; empty for methods that leave the image alone."""
        return {}

    def loss(self, scores: Scores, labels: Tensor) -> Loss:
        """Cross-entropy of the fused scores, unless a method says otherwise."""
        cross_entropy = F.cross_entropy(scores.fused, labels, self.class_weights)
        return Loss(cross_entropy, cross_entropy, torch.zeros_like(cross_entropy))

    def step(self, prepared: Tensor, labels: Tensor) -> tuple[Scores, Loss]:
        """Scores and loss of a training batch; a method whose loss needs more than scores overrides this."""
        scores = self.scores(prepared)
        return scores, self.loss(scores, labels)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """Optimiser groups, `params` and `lr` each."""
        return [{"params": list(self.parameters()), "lr": lr}]

    def adjust_gradients(self) -> None:
        """Change the gradients of a step before the optimiser uses them."""

    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Learn in closed form from all prepared training images, without augmentation.

        Called for methods without epochs, and before the first epoch where `fits` is true; again, with the
        same images, when a stopped training is resumed.
        """

    def recount(self, prepared: Tensor, labels: Tensor) -> None:
        """Count over all prepared training images as they are; called before every epoch and after the last.

        The result is no parameter: a training that is resumed counts again.
        """

    def refit(self, views: Iterator[Tensor], labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Learn in closed form beside the trained parameters; called once, after the last epoch.

        Args:
            views: all prepared training images as they are, then augmented `refit_passes` times.
            labels: (N,), the same for every view.
            val: as for `finish`.
        """

    def finish(self, val: tuple[Tensor, Tensor] | None) -> None:
        """Choose on validation what depends on the trained weights; called once, after the last epoch.

        Args:
            val: prepared validation images and their labels (N,), or None where there are none.
        """

    def log(self) -> dict[str, float]:
        """The method's columns in history.csv."""
        return {}

    def warnings(self) -> list[str]:
        """Notes for the user at the end of training."""
        return []

    def state(self) -> dict[str, Tensor]:
        """All that `load_state` needs to score without the attribute set: parameters and banks by name."""
        return {name: parameter.detach() for name, parameter in self.named_parameters()} | self.bank_tensors()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(tensors[name])
        self.load_banks(tensors)

    def check_complete(self) -> None:
        """Called after the state of a finished run was loaded.

        Raises:
            ValueError: something is missing that the options ask for.
        """

    def bank_tensors(self) -> dict[str, Tensor]:
        """The banks as tensors `bank.NAME.…`."""
        return {
            key: tensor
            for name, bank in self.banks.items()
            for key, tensor in bank.tensors(f"bank.{name}").items()
        }

    def load_banks(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `bank_tensors`."""
        device = self.context.backbone.device
        for name in sorted({key.split(".")[1] for key in tensors if key.startswith("bank.")}):
            self.banks[name] = Bank.from_tensors(f"bank.{name}", dict(tensors)).to(device)
