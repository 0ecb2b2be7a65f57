"""Each ablation changes one option of the default and does to the texts what it says."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from vr.methods import built_in_methods
from vr.methods.attrvr import AttrVR
from vr.methods.biomedvr import BioMedVR, BioMedVROptions
from vr.methods.common import corruption
from vr.methods.common.ablations import ABLATIONS
from vr.methods.common.base import Context
from vr.methods.common.levers import LEVERS, PROGRAM_LEVERS
from vr.runs.settings import preset

TEXTS = [[f"{kind}{i}" for i in range(count)] for kind, count in (("a", 8), ("b", 4), ("c", 6))]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ABLATIONS)
def test_changes_exactly_one_option(name: str) -> None:
    changed = BioMedVROptions.model_validate(dict(ABLATIONS[name].options)).model_dump()
    default = BioMedVROptions().model_dump()
    changes = sum(changed[key] != default[key] for key in default)
    assert changes == (0 if name == "trivial-augment" else 1)
    assert BioMedVR.presets[name] == ABLATIONS[name]
    recipe = {"trivial-augment": {"trivial_augment"}, "normalised-gradient": {"lr"}}.get(name, set())
    assert set(ABLATIONS[name].recipe) == recipe


@pytest.mark.parametrize("name", ["vp", "ar", "attrvr", "biomedvr"])
def test_every_program_has_the_levers_as_presets(name: str) -> None:
    presets = built_in_methods()[name].presets
    levers = set(PROGRAM_LEVERS if name in ("vp", "ar") else LEVERS)
    assert levers - ({"visual"} if name == "biomedvr" else set()) <= set(presets)  # there it is the default


def test_the_default_is_the_measured_setting_and_the_paper_keeps_its_own() -> None:
    options, recipe = preset(BioMedVR, "default", 16)
    assert isinstance(options, BioMedVROptions)
    assert (options.beta, options.fusion, options.visual, options.visual_weight) == (0.0, "add", "probe", 0.5)
    assert recipe == BioMedVR.recipe
    paper, _ = preset(BioMedVR, "paper", 16)
    assert isinstance(paper, BioMedVROptions)
    assert (paper.beta, paper.margin, paper.visual, paper.pad_to) == (0.3, 0.5, "none", 20)


def test_the_paper_ablations_are_there() -> None:
    assert set(ABLATIONS) == {
        "penalty",
        "no-visual",
        "no-negative",
        "no-gate",
        "random-negatives",
        "shuffled-negatives",
        "keyed-negatives",
        *(set(LEVERS) - {"visual"}),
        "corrupted-25",
        "corrupted-50",
        "corrupted-75",
    }


@pytest.mark.parametrize("seed", range(8))
def test_exchanged_leaves_no_class_its_own_texts(seed: int) -> None:
    result = corruption.exchanged(TEXTS, generator(seed))
    assert sorted(result) == sorted(TEXTS)
    assert all(new != old for new, old in zip(result, TEXTS, strict=True))
    assert corruption.exchanged(TEXTS[:2], generator(seed)) == [TEXTS[1], TEXTS[0]]


@pytest.mark.parametrize(("share", "counts"), [(0.25, (2, 1, 2)), (0.5, (4, 2, 3)), (0.75, (6, 3, 4))])
def test_partly_replaced(share: float, counts: tuple[int, ...]) -> None:
    result = corruption.partly_replaced(TEXTS, share, generator())
    for label, (new, old, count) in enumerate(zip(result, TEXTS, counts, strict=True)):
        others = {line for other, lines in enumerate(TEXTS) if other != label for line in lines}
        strange = [line for line in new if line not in old]
        assert len(new) == len(old) and len(strange) == count and set(strange) <= others
        assert max(Counter(strange).values()) == 1
        assert all(line == before for line, before in zip(new, old, strict=True) if line in old)
    assert result == corruption.partly_replaced(TEXTS, share, generator())
    assert result != corruption.partly_replaced(TEXTS, share, generator(1))
    assert corruption.partly_replaced(TEXTS, 0.0, generator()) == TEXTS


def test_drawn_at_random() -> None:
    pool = [line for lines in TEXTS for line in lines]
    result = corruption.drawn_at_random(TEXTS, pool, generator())
    assert [len(lines) for lines in result] == [8, 4, 6]
    assert all(len(set(lines)) == len(lines) and set(lines) <= set(pool) for lines in result)
    assert corruption.drawn_at_random([["x"] * 5], ["u", "v"], generator()).pop().count("u") in (2, 3)


def build(context: Context, **changes: object) -> BioMedVR:
    return BioMedVR(context, BioMedVROptions(**changes))


def test_only_the_bank_in_question_changes(context) -> None:
    default = BioMedVR(context).banks
    for name, changed in (
        ("random-negatives", {"confusion"}),
        ("shuffled-negatives", {"confusion"}),
        ("corrupted-50", {"descriptive", "distinctive"}),
        ("penalty", set()),
        ("no-visual", set()),
        ("no-gate", set()),
    ):
        banks = build(context, **ABLATIONS[name].options).banks
        different = {
            kind
            for kind, bank in banks.items()
            if bank.embeddings.shape != default[kind].embeddings.shape
            or not torch.equal(bank.embeddings, default[kind].embeddings)
        }
        assert different == changed
    again = Context(context.backbone, context.card, context.attributes, seed=4)
    one, other = (build(c, negatives="random").banks["confusion"].embeddings for c in (context, again))
    assert not torch.equal(one, other)


def test_shuffled_negatives_are_the_banks_of_other_classes(context) -> None:
    default = BioMedVR(context).banks["confusion"]
    shuffled = build(context, negatives="shuffled").banks["confusion"]
    whole = {
        tuple(rows[here].flatten().tolist())
        for rows, here in zip(default.embeddings, default.present, strict=True)
    }
    moved = [
        tuple(r[h].flatten().tolist()) for r, h in zip(shuffled.embeddings, shuffled.present, strict=True)
    ]
    assert set(moved) == whole
    assert shuffled.present.sum(1).tolist() != default.present.sum(1).tolist()


def test_without_the_negative_expert_it_is_attrvr(context, images, labels) -> None:
    method, attrvr = build(context, negatives="none"), AttrVR(context)
    assert method.learned(6) == attrvr.learned(6)
    assert BioMedVR.required_kinds(method.options) == ("descriptive", "distinctive")
    assert method.log() == {}
    prepared = method.prepare(images(method))
    (scores, loss), (expected, plain) = method.step(prepared, labels), attrvr.step(prepared, labels)
    assert torch.equal(scores.fused, expected.fused)
    assert torch.equal(loss.total, plain.total)
    assert loss.penalty == 0


def test_without_a_gate_both_experts_count_half(context, images) -> None:
    method = build(context, gate="none")
    scores = method.scores(method.prepare(images(method)))
    torch.testing.assert_close(scores.fused, (scores.positive + scores.negative) / 2)
    assert method.log() == {} and method.warnings() == []
    assert len(method.parameter_groups(40.0)) == 1
