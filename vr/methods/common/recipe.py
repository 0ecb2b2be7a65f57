"""How a method is trained: the optimiser's settings and the budget. Needs no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vr.methods.common.identity import Settings, added

PUBLISHED_CROP = 0.08  # torchvision's default, which the published code takes
# A crop of a tenth of a scan has often lost the finding; without crops few images are learned by heart.
MIN_CROP = 0.4
FULL_BATCH = 65_536  # more than any few-shot training set: one step per epoch


class Recipe(Settings):
    """The optimiser's settings and the budget; the learning rate follows a cosine to zero over all steps."""

    epochs: int = Field(100, ge=0, description="passes over the training images; 0: a closed form")
    batch_size: int = Field(64, ge=1, description="images per step")
    one_shot_batch_size: int | None = Field(None, ge=1, description="instead of batch_size at 1 shot")
    optimizer: Literal["sgd", "adamw"] = Field("sgd", description="the optimiser")
    lr: float = Field(40.0, ge=0, description="learning rate at the start of the cosine")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of the optimiser")
    warmup_epochs: int = Field(0, ge=0, description="epochs at warmup_lr before the cosine starts")
    warmup_lr: float = Field(1e-5, ge=0, description="learning rate of the warm-up epochs")
    augment: bool = Field(True, description="crop and flip training images at random")
    min_crop: float = Field(
        MIN_CROP, gt=0, le=1, description="smallest share of the image that a random crop keeps"
    )
    early_stopping: int | None = Field(
        None, ge=1, description="stop after so many epochs without a better one on validation images"
    )
    class_weights: Literal["balanced"] | None = Field(
        None, description="balanced: every class has the same weight in the cross-entropy"
    )
    trivial_augment: bool = Field(
        False,
        description="also change each training image once at random in geometry or colour, by TrivialAugment",
        json_schema_extra=added(False),
    )
