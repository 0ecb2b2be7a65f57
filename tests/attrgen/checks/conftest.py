"""Fixtures of the linter's tests: a card, and a small set on which no rule fires."""

from __future__ import annotations

import pytest

from attrgen.schema.card import Card, CardClass
from attrgen.schema.plan import Slot

LiverLists = dict[Slot, list[str]]


@pytest.fixture
def liver() -> Card:
    """Three lesions of the liver, and none."""
    aliases = {
        "hepatic cyst": ("cyst",),
        "hemangioma": (),
        "abscess": ("liver abscess",),
        "normal liver": ("normal",),
    }
    classes = tuple(
        CardClass(name=name, folder=name.replace(" ", "_"), aliases=also) for name, also in aliases.items()
    )
    return Card(name="liver", title="Liver", modality="CT", shows="an axial CT slice", classes=classes)


@pytest.fixture
def lists() -> LiverLists:
    """Lists in which nothing is to be found."""
    return {
        Slot("hepatic cyst", "descriptive"): [
            "a round, water-dark area with a hair-thin wall",
            "a homogeneous dark interior, the same shade from side to side",
            "a sharply drawn, smooth border against the liver",
            "a single large dark sphere near the liver edge",
            "fluid as dark as bile filling a rounded pocket",
        ],
        Slot("hepatic cyst", "distinctive"): [
            "the interior stays uniformly dark in every phase",
            "an edge as crisp as if cut with a knife",
            "a wall so thin that it can hardly be traced",
            "a droplet shape pressing gently on the neighbouring vessels",
        ],
        Slot("hepatic cyst", "confusion", "abscess"): [
            "a thick, glowing rim around a cloudy pool",
            "several small dark cavities clustered together like grapes",
        ],
        Slot("abscess", "descriptive"): [
            "a thick, shaggy, enhancing rim around a cloudy dark pool",
            "several small cavities clustered like grapes",
            "tiny gas bubbles rising to the top of a fluid pocket",
            "a swollen, hazy zone surrounding the cavity",
        ],
        Slot("abscess", "distinctive"): [
            "a double ring: a bright inner line and a grey outer halo",
            "coarse partitions crossing murky content",
            "ragged inner wall with debris at the bottom",
            "a wedge of hyperaemic, brighter liver next to the cavity",
        ],
        Slot("hemangioma", "descriptive"): [
            "bright nodular puddles at the rim that close toward the centre",
            "a lobulated outline, dark before contrast",
            "peripheral globules as bright as the aorta",
        ],
    }
