"""Every method keeps the contract, with its defaults and with its other choices."""

from __future__ import annotations

import pytest

from attrgen.core.errors import UserError
from vr.methods import built_in_methods, find_method
from vr.methods.common.base import Context
from vr.testing import check_method

METHODS = built_in_methods()
VARIANTS = [
    *((name, {}) for name in METHODS),
    ("zero-shot", {"text": "attributes"}),
    ("vp", {"start": "normal"}),
    ("coop", {"words": "a photo of a"}),
    ("cocoop", {"words": None}),
    ("attrvr", {"pad_to": 7}),
    ("lp-plus-plus", {"keep": "best", "iterations": 20}),
    ("gda", {"text": "none"}),
    ("cross-modal", {"text": "name", "balance": "modalities"}),
    ("biomedvr", {"gate": "per-class", "fusion": "learned"}),
    ("biomedvr", {"gate": "per-image"}),
    ("biomedvr", {"gate": "none"}),
    ("biomedvr", {"negatives": "none"}),
    ("vp", {"visual": "prototype", "normalise_gradient": True}),
    ("ar", {"visual": "gda", "visual_weight": None, "visual_passes": 1}),
    ("attrvr", {"pooling": "counted", "visual": "probe"}),
    ("attrvr", {"pooling": "learned", "programs": 2}),
    ("biomedvr", {"negatives": "keyed", "programs": 3, "pooling": "counted"}),
    ("biomedvr", {"pooling": "learned", "visual": "probe", "visual_scales": []}),
    ("biomedvr", {"negatives": "random", "corrupt_positives": 0.5}),
]
READ_ATTRIBUTES = [("zero-shot", {"text": "attributes"}), ("attrvr", {}), ("biomedvr", {}), ("labo", {})]


@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_contract(name: str, changes: dict) -> None:
    check_method(METHODS[name], changes)


@pytest.mark.parametrize("name", METHODS)
def test_one_budget_for_all_methods_of_a_table(name: str) -> None:
    assert METHODS[name].recipe.epochs in (0, 100)
    assert "paper" in METHODS[name].presets


def test_an_unknown_method() -> None:
    with pytest.raises(UserError) as caught:
        find_method("biomed-vr")
    assert caught.value.code == "method-unknown" and "biomedvr" in caught.value.remedy


@pytest.mark.parametrize(("name", "changes"), READ_ATTRIBUTES)
def test_without_an_attribute_set_the_scores_say_so(name, changes, tiny, card, images) -> None:
    kind = METHODS[name]
    options = kind.options_type.model_validate(changes)
    assert set(kind.required_kinds(options)) >= {"descriptive", "distinctive"}
    method = kind(Context(tiny, card, None), options)
    with pytest.raises(UserError) as caught:
        method.scores(method.prepare(images(method)))
    assert caught.value.code == "method-needs-attributes"
