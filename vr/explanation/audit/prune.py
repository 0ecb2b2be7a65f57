"""A copy of an attribute set without its worst texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from attrgen.schema.attribute_set import KINDS, OTHER, AttributeSet, ClassAttributes, Entry
from attrgen.schema.card import Card


def removable(attributes: AttributeSet, worst: Sequence[Entry], *, keep: int) -> list[Entry]:
    """The texts of `worst`, in order, whose removal leaves each class at least `keep` texts of each kind."""
    remaining = Counter((entry.class_name, entry.kind) for entry in attributes.entries())
    removed = []
    for entry in worst:
        if remaining[entry.class_name, entry.kind] > keep:
            remaining[entry.class_name, entry.kind] -= 1
            removed.append(entry)
    return removed


def surplus(ranked: Sequence[Entry], *, best: int) -> list[Entry]:
    """All texts but the `best` of each list, in order.

    Args:
        ranked: the texts, the worst first.
        best: how many texts of each list (class, kind and confused class) stay.
    """
    remaining = Counter((entry.class_name, entry.kind, entry.confused) for entry in ranked)
    removed = []
    for entry in ranked:
        key = entry.class_name, entry.kind, entry.confused
        if remaining[key] > best:
            remaining[key] -= 1
            removed.append(entry)
    return removed


def without(
    attributes: AttributeSet, removed: Sequence[Entry], card: Card, note: dict[str, Any]
) -> AttributeSet:
    """The set without some texts; its own spelling of the class names stays.

    Args:
        removed: the texts to remove, whose classes are named as in the card.
        note: added to the provenance, under `pruned`, together with the removed texts.
    """
    keys = {_key(entry, card) for entry in removed}
    kept = [entry for entry in attributes.entries() if _key(entry, card) not in keys]
    classes: dict[str, ClassAttributes] = {}
    for name in attributes.classes:
        lists: dict[str, Any] = {}
        for entry in kept:
            if entry.class_name != name:
                continue
            if entry.confused is None:
                lists.setdefault(entry.kind, []).append(entry.text)
            else:
                lists.setdefault(entry.kind, {}).setdefault(entry.confused, []).append(entry.text)
        classes[name] = ClassAttributes(**{kind: lists[kind] for kind in KINDS if kind in lists})
    texts = [
        {key: value for key, value in entry._asdict().items() if key != "position" and value is not None}
        for entry in removed
    ]
    record = {**note, "from": attributes.id, "removed": texts}
    provenance = {
        **attributes.provenance,
        "pruned": [*attributes.provenance.get("pruned", []), record],
    }
    return attributes.model_copy(update={"classes": classes, "provenance": provenance})


def _key(entry: Entry, card: Card) -> tuple[str, str, str | None, str]:
    return _name(entry.class_name, card), entry.kind, _name(entry.confused, card), entry.text


def _name(spelling: str | None, card: Card) -> Any:
    card_class = None if spelling in (None, OTHER) else card.find_class(str(spelling))
    return spelling if card_class is None else card_class.name
