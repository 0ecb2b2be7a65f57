"""What is damaged, how, and which commands then read it."""

from __future__ import annotations

from dataclasses import replace

from tests.fuzz.attrgen_targets import ATTRGEN_TARGETS
from tests.fuzz.image_targets import IMAGE_TARGETS
from tests.fuzz.planting import plant
from tests.fuzz.run_targets import RUN_TARGETS
from tests.fuzz.served_targets import SERVED_TARGETS
from tests.fuzz.target import Target

_PLANTED = 6  # one of so many mutations plants secrets and commands


def _planted(target: Target) -> Target:
    more = (plant,) * max(1, len(target.mutations) // _PLANTED)
    return replace(target, mutations=(*target.mutations, *more))


TARGETS: tuple[Target, ...] = tuple(
    map(_planted, (*ATTRGEN_TARGETS, *RUN_TARGETS, *IMAGE_TARGETS, *SERVED_TARGETS))
)
