"""The attribute set of an experiment: which file, whether it fits the card, whether it has what is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.shell import command
from attrgen.schema import attribute_set, library, matching
from attrgen.schema import card as cards
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.filling import how_to_fill
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options

Read = tuple[AttributeSet | None, Path | None]


def reads_attributes(kind: type[Declaration], options: Options) -> bool:
    """Whether a method with these options reads an attribute set at all."""
    return bool(kind.required_kinds(options, None))


def attributes_for(
    card: Card,
    kind: type[Declaration],
    options: Options,
    *,
    dataset: str,
    file: Path | None,
    given: AttributeSet | None,
    say: Callable[[str], None],
) -> Read:
    """The set that a method reads, with the card's class names, and its file; None where it reads none.

    Args:
        dataset: as the command line names it.
        file, given: the set that the user gave, and its content where it was read already; by default
            `attrs/NAME.json`, or else that of the curated library where its class names fit.

    Raises:
        UserError: there is no set, it does not fit the card, or lacks a kind that the method needs.
    """
    if not reads_attributes(kind, options):
        if file is not None:
            say(f"{kind.name} reads no attributes: {file} is not used")
        return None, None
    attributes, path = _default(card, say) if file is None else (given or attribute_set.load(file), file)
    if attributes is None:
        raise _none(kind, card, dataset)
    whole = _whole_card(card, dataset)
    attributes = _for_classes(attributes, card, whole, path, dataset)
    matching.require(attributes, kind.required_kinds(options, attributes), file=path, dataset=dataset)
    return attributes, path


def _default(card: Card, say: Callable[[str], None]) -> Read:
    file = Path("attrs") / f"{card.name}.json"
    if file.is_file():
        say(f"attributes: {file}")
        return attribute_set.load(file), file
    curated = library.find(card)
    if curated is None:
        return None, None
    whole = _with_left_out(card)
    if not all(whole.find_class(name) for name in curated.classes):
        say(
            f"the curated library's set '{card.name}' has other class names and is not used; its own card "
            f"knows them: --dataset {card.name} --data PATH"
        )
        return None, None
    say("attributes: the curated library")
    return curated, library.path_of(card.name)


def _none(kind: type[Declaration], card: Card, dataset: str) -> UserError:
    return UserError(
        f"{kind.name} needs an attribute set, and there is none for '{card.name}'",
        code="experiment-no-attributes",
        remedy=f"{how_to_fill(dataset, card.class_names[0])} Or name one with --attrs FILE, or choose a "
        f"method that needs none: {command('vr', 'methods')}.",
    )


def _whole_card(card: Card, dataset: str) -> Card:
    """The card with the classes that `--classes` left out."""
    if card.left_out and dataset in cards.shipped_cards():
        return cards.find(dataset)
    return _with_left_out(card)


def _with_left_out(card: Card) -> Card:
    return card.model_copy(update={"classes": card.classes + card.left_out})


def _for_classes(
    attributes: AttributeSet, card: Card, whole: Card, file: Path | None, dataset: str
) -> AttributeSet:
    """The attributes of the card's classes."""
    if not card.left_out:
        return matching.for_card(attributes, card, file=file, dataset=dataset)
    spellings = {cards.fold(name) for name in attributes.classes}
    described = tuple(entry for entry in whole.classes if entry.spellings() & spellings)
    return matching.restricted(attributes, whole.model_copy(update={"classes": described}), card)
