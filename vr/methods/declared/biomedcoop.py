"""Options, recipe and presets of biomedcoop; see `vr.methods.biomedcoop`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from attrgen.schema.attribute_set import POSITIVE_KINDS, AttributeSet
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options, Preset, Reference
from vr.methods.common.options import ANCHOR_PRESET, AnchorOptions, PromptOptions
from vr.methods.common.recipe import PUBLISHED_CROP, Recipe


class BiomedCoOpOptions(PromptOptions, AnchorOptions):
    """BiomedCoOp's choices."""

    words: str | None = Field(
        "a photo of a", description="words whose embeddings start the context; None: at random"
    )
    length: int = Field(4, ge=1, description="how many context vectors, where no words are given")
    texts_per_class: int = Field(50, ge=1, description="LLM prompts of a class, at most")
    mse_weight: float = Field(0.75, ge=0, description="l1, of the distance to the mean LLM prompt")
    kl_weight: float = Field(0.75, ge=0, description="l2, of the distance to the teacher's scores")
    outlier: float = Field(1.5, gt=0, description="standard deviations within which an LLM prompt is used")


class BiomedCoOpDeclaration(Declaration):
    """`biomedcoop`."""

    name = "biomedcoop"
    title = "BiomedCoOp: context vectors held near what an LLM's prompts say of each class"
    family = "prompts"
    learns = "4 context vectors: 4 * W numbers, W the width of the text tower"
    text_side = "class name, and the captions or attributes of the set"
    reference = Reference(
        authors="Koleilat et al.",
        title="BiomedCoOp: Learning to Prompt for Biomedical Vision-Language Models",
        venue="CVPR",
        year=2025,
        url="https://arxiv.org/abs/2411.15232",
    )
    recipe = Recipe(batch_size=4, lr=0.0025, weight_decay=5e-4, warmup_epochs=1, augment=False)
    options_type = BiomedCoOpOptions
    presets: ClassVar[dict[str, Preset]] = {
        "paper": Preset(about="as published", recipe={"augment": True, "min_crop": PUBLISHED_CROP}),
        "anchor": ANCHOR_PRESET,
    }

    @classmethod
    def required_kinds(cls, options: Options, attributes: AttributeSet | None = None) -> tuple[str, ...]:
        """Captions of kind `ensemble` where every class has them, else both positive kinds."""
        return ("ensemble",) if _has_ensembles(attributes) else POSITIVE_KINDS


def _has_ensembles(attributes: AttributeSet | None) -> bool:
    return attributes is not None and all(entry.ensemble for entry in attributes.classes.values())
