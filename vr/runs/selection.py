"""Which epoch of a run is kept."""

from __future__ import annotations

from typing import Literal

Select = Literal["last", "val"]
