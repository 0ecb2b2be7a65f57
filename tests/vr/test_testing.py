"""Methods that break the contract, each in one way, are caught."""

from __future__ import annotations

import os

import pytest
import torch
from pydantic import Field
from torch import nn

from vr.methods.ar import AR
from vr.methods.common.contributions import Scores
from vr.methods.common.facts import Options, Preset
from vr.methods.zero_shot import ZeroShot
from vr.testing import check_facts, check_method, tiny_backbone


def test_a_sound_method_passes_and_leaves_the_cache_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    check_method(AR)
    monkeypatch.delenv("VR_CACHE")
    check_method(AR, {"frame": 4})
    assert "VR_CACHE" not in os.environ


class Undocumented(Options):
    choice: int = 3


class Documented(Options):
    choice: int = Field(3, ge=0, description="a choice")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Not Kebab"},
        {"title": ""},
        {"learns": ""},
        {"family": "others"},
        {"reference": "Someone, 2020"},
        {"options_type": Undocumented},
        {
            "options_type": Documented,
            "presets": {"paper": Preset(about="x", options={"chioce": 2})},
        },
        {
            "options_type": Documented,
            "presets": {"paper": Preset(about="x", options={"choice": -1})},
        },
        {"presets": {"paper": Preset(about="")}},
        {"presets": {"paper": Preset(about="x", recipe={"lr": -1})}},
    ],
)
def test_facts(changes: dict) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check_facts(type("Broken", (ZeroShot,), changes))


class Forgetful(AR):
    """Does not store what it learned."""

    def state(self):
        return {**super().state(), "delta_pos": torch.zeros_like(self.delta[0])}


class Unsteady(AR):
    """Ends elsewhere every time."""

    runs = 0

    def finish(self, val):
        Unsteady.runs += 1
        self.delta.data += Unsteady.runs


class Wide(AR):
    def scores(self, prepared):
        fused = super().scores(prepared).fused
        return Scores(torch.cat([fused, fused], dim=1))


class Doubled(AR):
    """Scores that its contributions do not add up to."""

    def scores(self, prepared):
        return Scores(2 * super().scores(prepared).fused)


class Miscounted(AR):
    def learned(self, images):
        return 7


class Idle(AR):
    """A parameter that no loss depends on."""

    def __init__(self, context, options=None):
        super().__init__(context, options)
        self.idle = nn.Parameter(torch.zeros(3))


class Greedy(AR):
    """Takes the backbone's parameters for its own."""

    def __init__(self, context, options=None):
        super().__init__(context, options)
        self.model = context.backbone.model


class Meddler(AR):
    """Changes the backbone."""

    def finish(self, val):
        with torch.no_grad():
            self.context.backbone.model.logit_scale += 1


class Odd(ZeroShot):
    """Reads features, but prepares something else."""

    def prepare(self, images):
        return -super().prepare(images)


class Augmenting(ZeroShot):
    recipe = ZeroShot.recipe.model_copy(update={"augment": True})


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (Forgetful, "scores differently"),
        (Unsteady, "states differ"),
        (Wide, "scores are"),
        (Doubled, "add up"),
        (Miscounted, "learned"),
        (Idle, "gradient"),
        (Greedy, "backbone's parameters"),
        (Meddler, "changes the backbone"),
        (Odd, "prepares something else"),
        (Augmenting, "augments"),
    ],
)
def test_what_breaks_the_contract(method: type, reason: str) -> None:
    try:
        with pytest.raises(AssertionError, match=reason):
            check_method(method)
    finally:
        tiny_backbone.cache_clear()
