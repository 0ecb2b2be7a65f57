"""How a model wants its images: size, resize mode, interpolation, mean and standard deviation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat

from attrgen.core.errors import UserError
from attrgen.core.validation import Frozen, validate

ResizeMode = Literal["shortest", "longest", "squash"]
Interpolation = Literal["bicubic", "bilinear"]
Triple = tuple[float, float, float]

OPENAI_MEAN: Triple = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD: Triple = (0.26862954, 0.26130258, 0.27577711)


def _three(value: Any) -> Any:
    return (value, value, value) if isinstance(value, (int, float)) else value


def _known_interpolation(value: Any) -> Any:
    return "bicubic" if value == "random" else value  # random in training only; open_clip evaluates so


class Preprocessing(Frozen):
    """The preprocessing that a model's weights were trained with.

    Attributes:
        size: side of the square image in pixels.
        mean, std: of each RGB channel, for pixels in [0, 1].
        interpolation: of the resize; always antialiased.
        resize_mode: `shortest`: the short side becomes `size`, and the centre is cropped; `longest`: the long
            side becomes `size`, and the rest is filled with `fill_color`; `squash`: both sides become `size`.
        fill_color: 0 to 255, one number or one per channel.
    """

    size: int = Field(gt=0)
    mean: Annotated[Triple, BeforeValidator(_three)] = OPENAI_MEAN
    std: Annotated[tuple[PositiveFloat, PositiveFloat, PositiveFloat], BeforeValidator(_three)] = OPENAI_STD
    interpolation: Annotated[Interpolation, BeforeValidator(_known_interpolation)] = "bicubic"
    resize_mode: ResizeMode = "shortest"
    fill_color: int | tuple[int, int, int] = 0

    def digest(self, weights_id: str) -> str:
        """SHA-256 (64 hexadecimal digits) of the weights' id and this preprocessing: the backbone's id."""
        values = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(f"{weights_id} {values}".encode()).hexdigest()

    def describe(self) -> str:
        """One line for a person."""
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        resize = f"resize mode {self.resize_mode}, {self.interpolation}"
        return f"{self.size} pixels, {resize}, mean {mean}, std {std}"


def from_config(
    values: Mapping[str, Any], image_size: int | tuple[int, int] | list[int], file: Path | None = None
) -> Preprocessing:
    """The preprocessing that an open_clip configuration states; what it leaves open is as OpenAI's.

    Args:
        values: `preprocess_cfg` of the configuration, or a tag's entry; other keys are ignored.
        image_size: of the image tower.
        file: where the values were read, for messages.

    Raises:
        UserError: a value out of range, or an image tower that is not square.
    """
    if not isinstance(image_size, int):
        if len(set(image_size)) != 1:
            raise UserError(
                f"the image tower takes images of {' x '.join(map(str, image_size))} pixels",
                code="backbone-not-square",
                file=file,
                remedy="Choose a backbone for square images.",
            )
        image_size = image_size[0]
    stated = {
        key: value
        for key, value in values.items()
        if key in Preprocessing.model_fields and key != "size" and value is not None
    }
    return validate(
        Preprocessing,
        {**stated, "size": image_size},
        what="preprocessing configuration",
        code="backbone-preprocessing",
        file=file,
        within="preprocess_cfg",
    )
