"""Anchors: sentences that tie an attribute to its class."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from pydantic import Field, ValidationError

from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card, CardClass
from vr.methods import built_in_methods
from vr.methods.biomedvr import BioMedVR, BioMedVROptions
from vr.methods.common.attributes import anchored
from vr.methods.common.base import Context
from vr.methods.common.facts import Options
from vr.methods.common.identity import added
from vr.methods.common.options import ANCHOR

ANCHORED = [
    ("zero-shot", {"text": "attributes"}),
    ("attrvr", {}),
    ("biomedvr", {}),
    ("labo", {}),
]


@pytest.fixture
def ct() -> Card:
    classes = (
        CardClass(name="cyst", folder="cyst"),
        CardClass(name="kidney stone", folder="stone", aliases=("calculus",)),
        CardClass(name="tumor", folder="tumor"),
    )
    return Card(name="ct", title="CT", modality="CT", shows="a kidney", classes=classes)


@pytest.fixture
def texts() -> AttributeSet:
    return AttributeSet(
        dataset="ct",
        classes={
            "cyst": ClassAttributes(
                descriptive=["a thin wall", "a Cyst with a thin wall", "no cysts at all"],
                confusion={
                    "tumor": ["a solid nodule", "the tumor has a nodule"],
                    "other": ["a bright artefact"],
                },
            ),
            "kidney stone": ClassAttributes(
                descriptive=["a bright spot", "a calculus at the hilum"],
                confusion={"cyst": ["a solid nodule"]},
            ),
            "tumor": ClassAttributes(descriptive=["a thick wall"], confusion={"cyst": ["a thin wall"]}),
        },
    )


def by_class(card: Card, attributes: AttributeSet, kind: str) -> list[list[str]]:
    return [attributes.classes[name].texts(kind) for name in card.class_names]


def test_attributes_get_the_name_of_their_class_unless_they_have_it(ct: Card, texts: AttributeSet) -> None:
    assert anchored(ct, by_class(ct, texts, "descriptive"), ANCHOR) == [
        ["cyst, which has a thin wall", "a Cyst with a thin wall", "cyst, which has no cysts at all"],
        ["kidney stone, which has a bright spot", "a calculus at the hilum"],
        ["tumor, which has a thick wall"],
    ]
    assert anchored(ct, [["x"], [], ["y"]], "{modality} of a {class}: {text}") == [
        ["CT of a cyst: x"],
        [],
        ["CT of a tumor: y"],
    ]
    assert anchored(ct, by_class(ct, texts, "descriptive"), "") == by_class(ct, texts, "descriptive")


def test_confusion_attributes_get_the_name_of_the_class_they_describe(ct: Card, texts: AttributeSet) -> None:
    confusions = by_class(ct, texts, "confusion")
    assert anchored(ct, confusions, "{other}, which has {text}", texts) == [
        ["tumor, which has a solid nodule", "the tumor has a nodule", "a bright artefact"],
        ["cyst, which has a solid nodule"],
        ["cyst, which has a thin wall"],
    ]
    both = anchored(ct, confusions, "{class} like a {other}: {text}", texts)
    assert both[0] == ["cyst like a tumor: a solid nodule", "the tumor has a nodule", "a bright artefact"]
    # A text that an ablation gave to another class keeps the class that it describes.
    moved = anchored(
        ct, [["a thick wall"], ["a bright artefact"], ["a solid nodule"]], "{other}: {text}", texts
    )
    assert moved == [["tumor: a thick wall"], ["a bright artefact"], ["tumor: a solid nodule"]]


@pytest.fixture
def nameless(context: Context) -> Context:
    """The toy set, with descriptive texts that do not name their class."""
    assert context.attributes is not None
    classes = {
        name: entry.model_copy(update={"descriptive": [f"a texture of kind {name[0]}", "a border"]})
        for name, entry in context.attributes.classes.items()
    }
    return replace(context, attributes=context.attributes.model_copy(update={"classes": classes}))


@pytest.mark.parametrize(("name", "changes"), ANCHORED)
def test_banks_hold_the_texts_and_embed_the_anchored_ones(name, changes, nameless, plain_text) -> None:
    kind = built_in_methods()[name]
    template = "{class} in {modality}, with {text}"
    method = kind(nameless, kind.options_type.model_validate({**changes, "anchor": template}))
    plain = kind(nameless, kind.options_type.model_validate(changes))
    for key, bank in method.banks.items():
        assert bank.texts == plain.banks[key].texts
        changed = not torch.equal(bank.embeddings, plain.banks[key].embeddings)
        assert changed == (key in ("0", "descriptive"))  # the other texts name their class
    expected = plain_text([f"{label} in CT, with a border" for label in nameless.card.class_names])
    bank = method.banks["0" if name == "zero-shot" else "descriptive"]
    rows = bank.embeddings[0] if name == "labo" else bank.embeddings.flatten(0, 1)
    torch.testing.assert_close(rows[1::2], expected)


def test_the_confusion_bank_has_a_template_of_its_own(context, plain_text) -> None:
    options = BioMedVROptions(confusion_anchor="{class}, unless {text}", anchor="")
    method, plain = BioMedVR(context, options), BioMedVR(context)
    for kind in ("descriptive", "distinctive"):
        assert torch.equal(method.bank(kind).embeddings, plain.bank(kind).embeddings)
    entry = context.attributes.classes[context.card.class_names[0]]
    expected = plain_text(
        [f"{context.card.class_names[0]}, unless {text}" for text in entry.texts("confusion")]
    )
    torch.testing.assert_close(method.bank("confusion").embeddings[0, : len(expected)], expected)


@pytest.mark.parametrize("template", ["{class}", "{class} {text} {size}", "{other}: {text}"])
def test_templates_are_checked(template: str) -> None:
    with pytest.raises(ValidationError):
        BioMedVROptions(anchor=template)
    if template != "{other}: {text}":
        with pytest.raises(ValidationError):
            BioMedVROptions(confusion_anchor=template)


@pytest.mark.parametrize("name", ["zero-shot", "attrvr", "biomedvr", "labo", "cross-modal", "biomedcoop"])
def test_every_method_that_reads_attributes_has_an_anchor_and_a_preset(name: str) -> None:
    kind = built_in_methods()[name]
    assert kind.presets["anchor"].options["anchor"] == ANCHOR
    assert kind.options_type().model_dump()["anchor"] == ""


FIRST_RELEASE = {
    "frame",
    "k",
    "attributes_per_class",
    "pad_to",
    "fusion",
    "gate",
    "gate_lr",
    "beta",
    "margin",
    "penalty",
    "penalty_over",
    "negatives",
    "corrupt_positives",
}


def test_older_runs_keep_their_identity() -> None:
    recorded = {key: value for key, value in BioMedVROptions().model_dump().items() if key in FIRST_RELEASE}
    options: Options = BioMedVROptions.of_run(recorded)
    assert set(options.identity()) == FIRST_RELEASE
    assert options.identity() == recorded
    assert BioMedVROptions(anchor=ANCHOR).identity()["anchor"] == ANCHOR


def test_a_later_default_does_not_reach_older_runs() -> None:
    class Later(Options):
        visual: str = Field(
            "probe", description="a default that was changed", json_schema_extra=added("none")
        )

    assert Later.of_run({}).visual == "none" and Later.of_run({}).identity() == {}
    assert Later().identity() == {"visual": "probe"}
