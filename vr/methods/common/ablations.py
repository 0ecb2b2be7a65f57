"""BioMedVR's ablations by name; each changes exactly one option of the default and nothing else."""

from __future__ import annotations

from vr.methods.common.facts import Preset
from vr.methods.common.levers import LEVERS

ABLATIONS: dict[str, Preset] = {
    "no-penalty": Preset(about="without the confusion penalty", options={"beta": 0.0}),
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
    **LEVERS,
    **{
        f"corrupted-{percent}": Preset(
            about=f"{percent}% of each class's positive attributes replaced by those of other classes",
            options={"corrupt_positives": percent / 100},
        )
        for percent in (25, 50, 75)
    },
}
