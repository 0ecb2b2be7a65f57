"""The built-in image formats: one file each, which has the format's name and defines its `FORMAT`."""

from __future__ import annotations

import pkgutil

NAMES = tuple(
    info.name for info in pkgutil.iter_modules(__path__)
)  # in alphabetic order; imports none of them
