"""What a method says about itself: its reference, its options and its presets. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field

from attrgen.core.validation import Frozen
from vr.methods.common.identity import Settings

Family = Literal["zero-shot", "frozen features", "prompts", "programs", "backbone"]
FAMILIES: tuple[Family, ...] = get_args(Family)  # the order of tables


class Reference(Frozen):
    """The publication that a method is from."""

    authors: str = Field(description="family name of the first author, and the others: `Zhou et al.`")
    title: str
    venue: str = Field(description="conference or journal, short")
    year: int
    url: str
    builds_on: str = Field("", description="earlier work that belongs in the same citation")

    @property
    def short(self) -> str:
        """`Zhou et al., CVPR 2022`."""
        return f"{self.authors}, {self.venue} {self.year}"

    @property
    def citation(self) -> str:
        """`Zhou et al.: Title. CVPR 2022. URL`, and what it builds on."""
        line = f"{self.authors}: {self.title}. {self.venue} {self.year}. {self.url}"
        return f"{line} (builds on {self.builds_on})" if self.builds_on else line


class Options(Settings):
    """A method's choices, each with a description; `config.json` records all of them."""


class Preset(Frozen):
    """Named changes of a method's default options and recipe."""

    about: str = Field(description="what the preset is for, in one line")
    options: Mapping[str, Any] = Field(default_factory=dict)
    recipe: Mapping[str, Any] = Field(default_factory=dict)
