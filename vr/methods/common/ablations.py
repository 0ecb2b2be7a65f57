"""BioMedVR's ablations by name; each changes exactly one option of the default and nothing else."""

from __future__ import annotations

from vr.methods.common.facts import Preset
from vr.methods.common.levers import LEVERS

PUBLISHED_BETA = 0.3

ABLATIONS: dict[str, Preset] = {
    "penalty": Preset(about="with the published confusion penalty", options={"beta": PUBLISHED_BETA}),
    "no-visual": Preset(about="without the visual expert: texts alone decide", options={"visual": "none"}),
    "no-negative": Preset(about="the positive expert alone", options={"negatives": "none"}),
    "no-gate": Preset(about="both experts count half", options={"gate": "none"}),
    "random-negatives": Preset(
        about="the negative expert reads texts drawn from the whole set", options={"negatives": "random"}
    ),
    "shuffled-negatives": Preset(
        about="the negative expert reads the confusion attributes of another class",
        options={"negatives": "shuffled"},
    ),
    "keyed-negatives": Preset(
        about="confusion attributes as evidence between pairs of classes", options={"negatives": "keyed"}
    ),
    **{name: lever for name, lever in LEVERS.items() if name != "visual"},
    **{
        f"corrupted-{percent}": Preset(
            about=f"{percent}% of each class's positive attributes replaced by those of other classes",
            options={"corrupt_positives": percent / 100},
        )
        for percent in (25, 50, 75)
    },
}
