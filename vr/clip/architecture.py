"""A model built from its configuration, still without weights."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from torch import nn

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from vr.clip.configuration import Configuration

_LARGEST_NUMBER = 1_000_000  # vocabularies have a quarter of a million entries
_MOST_LAYERS = 200


def build(configuration: Configuration, *, name: str, text_config: Path | str | None) -> nn.Module:
    """The model, its weights drawn from torch's random state.

    Args:
        name: of the backbone, for messages.
        text_config: folder or repository of the configuration of a Hugging Face text tower; None for
            open_clip's own text towers.

    Raises:
        UserError: the configuration is not one that the installed open_clip and timm can build.
    """
    from open_clip import CLIP, CoCa, CustomTextCLIP

    values: dict[str, Any] = deepcopy(configuration.model)
    values["vision_cfg"]["timm_model_pretrained"] = False
    if text_config is not None:
        values["text_cfg"] |= {"hf_model_name": str(text_config), "hf_model_pretrained": False}
    kind: Any = CLIP
    if values.pop("custom_text", False) or text_config is not None:
        kind = CoCa if "multimodal_cfg" in values else CustomTextCLIP
    if "timm_model_name" not in values["vision_cfg"]:
        del values["vision_cfg"]["timm_model_pretrained"]
    _check_numbers(values, name, configuration)
    with (
        decoding(
            configuration.file or name,
            what=f"the model of {name} cannot be built",
            code="backbone-config-unusable",
            remedy="The configuration may need another version of open_clip or timm, or it is damaged.",
        ),
        _quiet(),
    ):
        model: nn.Module = kind(**values)
    _check_size(model, name, configuration)
    return model


def _check_numbers(values: dict[str, Any], name: str, configuration: Configuration) -> None:
    """Refuse a model that no machine holds before any of it is made."""
    numbers = list(_numbers(values))
    layers = [number for key, number in numbers if "layers" in key]
    is_large = any(abs(number) > _LARGEST_NUMBER for _, number in numbers)
    if is_large or not all(0 <= number <= _MOST_LAYERS for number in layers):
        raise UserError(
            f"the model of {name} cannot be built: a number of its configuration is out of range",
            code="backbone-config-unusable",
            file=configuration.file,
            remedy=f"Correct it: numbers are at most {_LARGEST_NUMBER:,}, and layers {_MOST_LAYERS:,}.",
        )


def _numbers(values: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a configuration, each with the name of its key."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from _numbers(value, name)
    elif isinstance(values, list):
        for value in values:
            yield from _numbers(value, key)
    elif isinstance(values, (int, float)):
        yield key, values


def _check_size(model: nn.Module, name: str, configuration: Configuration) -> None:
    """timm builds its own size, whatever the configuration says."""
    visual: Any = model.visual
    built = getattr(getattr(getattr(visual, "trunk", None), "patch_embed", None), "img_size", None)
    stated = visual.image_size if isinstance(visual.image_size, tuple) else (visual.image_size,) * 2
    if built is not None and tuple(built) != tuple(stated):
        raise UserError(
            f"the image tower of {name} takes {built[0]} pixels and its configuration says {stated[0]}",
            code="backbone-config-unusable",
            file=configuration.file,
            remedy="Correct vision_cfg.image_size.",
        )


def patch_size(model: nn.Module) -> int | None:
    """Side of a ViT's patch in pixels, or None for a tower without square patches."""
    visual: Any = model.visual
    patch = getattr(visual, "patch_size", None)
    if patch is None and hasattr(visual, "trunk"):  # a timm tower
        patch = getattr(getattr(visual.trunk, "patch_embed", None), "patch_size", None)
    if isinstance(patch, (tuple, list)):
        patch = patch[0] if patch[0] == patch[1] else None
    return patch


class _quiet:
    """open_clip and timm warn through the root logger about what is normal here."""

    def __enter__(self) -> None:
        self.before = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(self.before)
