"""Search spaces: what is derived from a method's options, and what a user names."""

from __future__ import annotations

import pytest

from attrgen.core.errors import UserError
from vr.methods import all_declarations, find_declaration
from vr.runs.settings import changed
from vr.training.studies.space import Choice, Range, parse, space_of


def test_every_method_has_a_space_around_its_defaults_or_none() -> None:
    """Every value that may be tried is a valid setting, and the default is among them."""
    for name, kind in all_declarations().items():
        options, recipe = kind.options_type(), kind.recipe
        values = {**recipe.model_dump(), **options.model_dump()}
        for key, dimension in space_of(options, recipe).items():
            if isinstance(dimension, Range):
                assert dimension.low <= values[key] <= dimension.high, (name, key)
                tried: tuple = (dimension.low, dimension.high)
                tried = tuple(map(int, tried)) if dimension.whole else tried
            else:
                assert values[key] in dimension.values, (name, key)
                tried = dimension.values
            for value in tried:
                both = ({key: value}, {}) if key in type(options).model_fields else ({}, {key: value})
                changed(kind, options, recipe, *both)


def test_the_learning_rate_and_the_choices_of_a_method_are_tuned() -> None:
    kind = find_declaration("biomedvr")
    space = space_of(kind.options_type(), kind.recipe)
    assert space["lr"] == Range(4.0, 400.0)
    assert isinstance(space["fusion"], Choice) and "add" in space["fusion"].values
    assert "corrupt_positives" not in space and "anchor" not in space
    probe = find_declaration("linear-probe")
    assert "lr" not in space_of(probe.options_type(), probe.recipe)  # a closed form has none


def test_a_user_names_what_is_tuned() -> None:
    kind = find_declaration("biomedvr")
    named = parse(["lr=1..10", "k=1..4", "fusion=add|subtract", "gate-lr", "augment=true|false"])
    space = space_of(kind.options_type(), kind.recipe, named)
    assert space == {
        "lr": Range(1.0, 10.0),
        "k": Range(1.0, 4.0, whole=True),
        "fusion": Choice(("add", "subtract")),
        "gate_lr": Range(0.001, 0.1),
        "augment": Choice((True, False)),
    }


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("lrr=1..10", "tune-unknown-setting"),
        ("lr=10..1", "tune-search-form"),
        ("lr=low..high", "tune-search-form"),
        ("fusion=add", "tune-search-form"),
        ("anchor", "tune-search-form"),
    ],
)
def test_wrong_words_are_refused(word: str, code: str) -> None:
    kind = find_declaration("biomedvr")
    with pytest.raises(UserError) as caught:
        space_of(kind.options_type(), kind.recipe, parse([word]))
    assert caught.value.code == code
