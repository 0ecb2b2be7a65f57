"""What a build is to make: the settings behind the options of `attrgen build`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attrgen.llm.request import Sampling
from attrgen.schema.confusers import Limit
from attrgen.schema.plan import DEFAULT_COUNTS, DEFAULT_KINDS


@dataclass(frozen=True)
class BuildSettings:
    """What is to be built, and with which model.

    Args:
        counts: texts per list, by kind.
        confusers, run: see `attrgen.schema.confusers.choose`.
        refresh: `CLASS[/KIND[/CONFUSED]]` or `all`, lists to ask for again.
        extra: further fields of each request's body.
        over_generate: how many times the texts of a list are asked for; the best are kept.
        rounds: how often texts that fail the error-level checks are sent back to be replaced.
    """

    model: str
    sampling: Sampling = field(default_factory=Sampling)
    kinds: Sequence[str] = DEFAULT_KINDS
    counts: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_COUNTS))
    confusers: Limit = None
    run: Path | None = None
    refresh: Sequence[str] = ()
    rounds: int = 2
    extra: Mapping[str, Any] | None = None
    over_generate: float = 1.0

    def candidates(self, kind: str) -> int:
        """How many texts of a kind are asked for."""
        return math.ceil(round(self.counts[kind] * self.over_generate, 6))
