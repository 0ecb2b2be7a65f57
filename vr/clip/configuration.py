"""`open_clip_config.json`: the architecture and the preprocessing of a model."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, field_validator

from attrgen.core.errors import UserError
from attrgen.core.validation import read_json

CONFIG = "open_clip_config.json"


class _File(BaseModel):
    """What is read of the file; other keys are open_clip's business."""

    model_cfg: dict[str, Any]
    preprocess_cfg: dict[str, Any] = Field(default_factory=dict)

    @field_validator("model_cfg")
    @classmethod
    def _complete(cls, values: dict[str, Any]) -> dict[str, Any]:
        missing = {"embed_dim", "vision_cfg", "text_cfg"} - values.keys()
        if missing:
            raise ValueError(f"lacks {', '.join(sorted(missing))}")
        for key in ("vision_cfg", "text_cfg"):
            if not isinstance(values[key], dict):
                raise ValueError(f"{key} should be an object")
        return values


@dataclass(frozen=True)
class Configuration:
    """An architecture as open_clip writes it, and the preprocessing that was stated with it.

    Attributes:
        model: `model_cfg`, never changed: it is part of the backbone's id.
        preprocessing: the stated values, which may be none.
        file: where it was read, or None for one that comes with open_clip.
    """

    model: dict[str, Any]
    preprocessing: dict[str, Any]
    file: Path | None = None

    @property
    def text(self) -> dict[str, Any]:
        """The text tower's part."""
        text: dict[str, Any] = self.model["text_cfg"]
        return text


def read(file: Path) -> Configuration:
    """The configuration in a file.

    Raises:
        UserError: not JSON, or not an open_clip configuration.
    """
    content = read_json(
        _File, file, what="model configuration", code="backbone-config", remedy="Copy the file again."
    )
    return Configuration(content.model_cfg, content.preprocess_cfg, file)


def known(name: str) -> str | None:
    """The architecture that comes with open_clip under that name, `ViT-B/16` too; None for others."""
    import open_clip

    architectures = open_clip.list_models()
    return next((spelling for spelling in (name, name.replace("/", "-")) if spelling in architectures), None)


def shipped() -> list[str]:
    """Names of the architectures that come with open_clip; it is not imported, which would take seconds."""
    spec = importlib.util.find_spec("open_clip")
    folders = [] if spec is None else spec.submodule_search_locations or []
    return sorted(file.stem for folder in folders for file in Path(folder, "model_configs").glob("*.json"))


def of_known(name: str) -> Configuration:
    """The configuration of a known architecture; it states no preprocessing, that is the weights'."""
    import open_clip

    return Configuration(open_clip.get_model_config(name), {})


def unknown(name: str) -> UserError:
    """The error for a name that is no architecture, folder or repository."""
    from attrgen.schema.card import did_you_mean

    return UserError(
        f"unknown backbone '{name}'",
        code="backbone-unknown",
        remedy=f"{did_you_mean(name, shipped())} An existing folder, 'hf-hub:ORG/REPO' and 'mini' work too.",
    )
