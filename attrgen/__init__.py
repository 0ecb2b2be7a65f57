"""Stage 1: class names in, an attribute set out (`attrs/NAME.json`). Never imports torch nor `vr`.

import attrgen

attributes = attrgen.load("attrs/busi.json")
attrgen.check(attributes)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrgen.api import (
        AttributeSet,
        Card,
        Change,
        Finding,
        UserError,
        build,
        check,
        diff,
        load,
        save,
    )

__all__ = [
    "AttributeSet",
    "Card",
    "Change",
    "Finding",
    "UserError",
    "build",
    "check",
    "diff",
    "load",
    "save",
]


def __dir__() -> list[str]:
    return [*__all__]


def __getattr__(name: str) -> object:
    # pydantic takes a while to import, and `attrgen --help` needs none of it.
    if name in __all__:
        from attrgen import api

        return getattr(api, name)
    raise AttributeError(f"module 'attrgen' has no attribute '{name}'")
