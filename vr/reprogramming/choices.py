"""The choices of score and loss by name; their formulas are in `vr.reprogramming.score` and `.loss`."""

from __future__ import annotations

from typing import Literal

Fusion = Literal["add", "subtract", "learned"]
PenaltyAgainst = Literal["fused", "positive"]
PenaltyOver = Literal["all", "others"]
