"""Presets that change one lever of a program each. Needs no torch."""

from __future__ import annotations

from vr.methods.common.facts import Preset

# Of every program.
PROGRAM_LEVERS: dict[str, Preset] = {
    "visual": Preset(about="a visual expert beside the texts", options={"visual": "probe"}),
    "trivial-augment": Preset(about="trained with TrivialAugment", recipe={"trivial_augment": True}),
    "normalised-gradient": Preset(
        about="gradients divided by their norm, one learning rate for all backbones",
        options={"normalise_gradient": True},
        recipe={"lr": 1.0},
    ),
}
# Of programs that are scored against attributes.
LEVERS: dict[str, Preset] = {
    **PROGRAM_LEVERS,
    "counted": Preset(
        about="each text counts as often as it is near training images", options={"pooling": "counted"}
    ),
    "learned": Preset(about="learned weights of all texts in every class", options={"pooling": "learned"}),
    "two-programs": Preset(about="the attributes in two clusters, a program each", options={"programs": 2}),
}
