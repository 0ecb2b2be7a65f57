"""One spelling for each class: that of the card, where a card knows the class. Reads nothing but cards."""

from __future__ import annotations

from attrgen.core.errors import UserError
from attrgen.schema import card as cards
from attrgen.schema.attribute_set import OTHER, AttributeSet, ClassAttributes, Entry
from attrgen.schema.card import Card, did_you_mean, fold
from attrgen.schema.plan import Slot


def card_of(attributes: AttributeSet, dataset: str | None = None) -> Card | None:
    """The card that `dataset` (an option) names, else the shipped card of the set's dataset, else None.

    Raises:
        UserError: `dataset` names no card.
    """
    if dataset is not None:
        return cards.find(dataset)
    path = cards.shipped_cards().get(attributes.dataset)
    return None if path is None else cards.load(path)


def class_name(spelling: str, card: Card | None) -> str:
    """The card's name of a class; `other`, and what the card does not know, stay as they are."""
    match = None if card is None or spelling == OTHER else card.find_class(spelling)
    return spelling if match is None else match.name


def key_of(attributes: AttributeSet, spelling: str, card: Card | None) -> str | None:
    """How the set spells the class that `spelling` means: a name, folder or alias; None where it has none.

    Case, underscores and joining hyphens do not count.
    """
    spellings = {fold(spelling), fold(class_name(spelling, card))}
    return next(
        (name for name in attributes.classes if spellings & {fold(name), fold(class_name(name, card))}), None
    )


def find_class(attributes: AttributeSet, spelling: str, card: Card | None) -> str:
    """As `key_of`.

    Raises:
        UserError: the set has no such class.
    """
    key = key_of(attributes, spelling, card)
    if key is None:
        raise UserError(
            f"the set of '{attributes.dataset}' has no class '{spelling}'",
            code="set-unknown-class",
            remedy=did_you_mean(spelling, attributes.classes),
        )
    return key


def slot_of(entry: Entry | Slot, card: Card | None) -> Slot:
    """The list of a text, in the card's spelling."""
    confused = None if entry.confused is None else class_name(entry.confused, card)
    return Slot(class_name(entry.class_name, card), entry.kind, confused)


def lists_of(attributes: AttributeSet, card: Card | None) -> dict[Slot, list[str]]:
    """All lists of a set by slot, in the card's spelling and in file order.

    Raises:
        UserError: two spellings in the set mean the same class.
    """
    lists: dict[Slot, list[str]] = {}
    origin: dict[Slot, tuple[str, str | None]] = {}
    for entry in attributes.entries():
        slot = slot_of(entry, card)
        spelled = (entry.class_name, entry.confused)
        if origin.setdefault(slot, spelled) != spelled:
            raise UserError(
                f"'{slot.class_name}' is there twice, once as '{entry.class_name}'"
                if origin[slot][0] != entry.class_name
                else f"confusion with '{slot.confused}' is there twice, once as '{entry.confused}'",
                code="set-repeated-class",
                class_name=slot.class_name,
                remedy="Join the two lists.",
            )
        lists.setdefault(slot, []).append(entry.text)
    return lists


def from_lists(lists: dict[Slot, list[str]]) -> dict[str, ClassAttributes]:
    """Classes of a set from its lists; classes and confusions are in the order of the lists."""
    values: dict[str, dict[str, object]] = {}
    for slot, texts in lists.items():
        kinds = values.setdefault(slot.class_name, {})
        if slot.confused is None:
            kinds[slot.kind] = list(texts)
        else:
            confusion = kinds.setdefault(slot.kind, {})
            assert isinstance(confusion, dict)
            confusion[slot.confused] = list(texts)
    return {name: ClassAttributes.model_validate(kinds) for name, kinds in values.items()}
