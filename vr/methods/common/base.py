"""What a method is: how it sees images, how it scores them, its loss and what it learns.

The trainer knows nothing else of a method, so that every system of the table runs under one protocol.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from vr.clip.backbone import Backbone
from vr.methods.common.contributions import Contribution, Scores, total
from vr.methods.common.facts import Family, Options, Preset, Reference
from vr.methods.common.recipe import Recipe
from vr.reprogramming.program import Program


class Loss(NamedTuple):
    """Scalars: what is minimised, and the parts that history.csv tells apart."""

    total: Tensor
    cross_entropy: Tensor
    penalty: Tensor


@dataclass(frozen=True)
class Context:
    """All that a method may build on.

    Attributes:
        backbone: the frozen CLIP.
        card: classes in label order.
        attributes: the attribute set with the card's class names, or None where a method needs none.
        seed: of whatever the method draws.
        attributes_file: for messages.
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


class Method(nn.Module):
    """Base of all methods. A subclass has a file of its own in `vr/methods`, or comes from another package.

    Class attributes:
        name: as the command line spells it.
        title: what it is, in one line.
        family: what kind of system it is; tables are ordered by it.
        learns: what it learns, with the count of learned numbers.
        text_side: what texts it reads of a class.
        reference: the publication.
        reads: what of an image it needs: whole `images`, or only the backbone's `features` of it. The
            features of an image are the same for all methods that read them, so they can be shared.
        fits: whether `fit` is called before the first epoch even where there are epochs.
        kinds: attribute kinds it cannot do without; see `required_kinds`.
        recipe: how it is trained by default.
        options_type: its own choices.
        presets: named changes of options and recipe: `paper`, what its paper does, and ablations.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[Family]
    learns: ClassVar[str]
    text_side: ClassVar[str]
    reference: ClassVar[Reference]
    reads: ClassVar[Literal["features", "images"]] = "images"
    fits: ClassVar[bool] = False
    kinds: ClassVar[tuple[str, ...]] = ()
    recipe: ClassVar[Recipe] = Recipe()
    options_type: ClassVar[type[Options]] = Options
    presets: ClassVar[Mapping[str, Preset]] = {}

    image_size: int

    def __init__(self, context: Context, options: Options | None = None) -> None:
        super().__init__()
        self.context = context
        self.tau = context.backbone.tau

    @classmethod
    def required_kinds(cls, options: Options, attributes: AttributeSet | None = None) -> tuple[str, ...]:
        """The attribute kinds that training with these options cannot do without.

        Args:
            attributes: the set that there is, where some of its kinds can stand in for others.
        """
        return cls.kinds

    def learned(self, images: int) -> int:
        """Count of learned numbers, where there are so many training images."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    @abstractmethod
    def prepare(self, images: Tensor) -> Tensor:
        """What of images (B, 3, image_size, image_size) in [0, 1] training leaves alone, batch first.

        It is computed without gradient, and once for a whole run where images are not augmented.
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
        cross_entropy = F.cross_entropy(scores.fused, labels)
        return Loss(cross_entropy, cross_entropy, torch.zeros_like(cross_entropy))

    def step(self, prepared: Tensor, labels: Tensor) -> tuple[Scores, Loss]:
        """What training asks of a batch; a method whose loss needs more than scores overrides this."""
        scores = self.scores(prepared)
        return scores, self.loss(scores, labels)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """Optimiser groups, `params` and `lr` each."""
        return [{"params": list(self.parameters()), "lr": lr}]

    def fit(self, prepared: Tensor, labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Learn in closed form from all prepared training images, without augmentation.

        Called for methods without epochs, and once before the first epoch for those that say `fits`;
        again, with the same images, when a stopped training goes on.
        """

    def finish(self, val: tuple[Tensor, Tensor] | None) -> None:
        """Choose on validation what only trained weights can tell; called once, after the last epoch.

        Args:
            val: prepared validation images and their labels (N,), or None where there are none.
        """

    def log(self) -> dict[str, float]:
        """Numbers worth a column in history.csv."""
        return {}

    def warnings(self) -> list[str]:
        """What a person should know at the end of training."""
        return []

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Everything that `load_state` needs to score again without the attribute set."""

    @abstractmethod
    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
