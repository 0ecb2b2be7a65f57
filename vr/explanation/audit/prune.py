"""An attribute set without its worst texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from attrgen.schema.attribute_set import KINDS, OTHER, AttributeSet, ClassAttributes, Entry
from attrgen.schema.card import Card


def dropped(attributes: AttributeSet, worst: Sequence[Entry], *, keep: int) -> list[Entry]:
    """Those of `worst`, in order, that can go so that each class keeps at least `keep` texts of each kind."""
    left = Counter((entry.class_name, entry.kind) for entry in attributes.entries())
    gone = []
    for entry in worst:
        if left[entry.class_name, entry.kind] > keep:
            left[entry.class_name, entry.kind] -= 1
            gone.append(entry)
    return gone


def without(
    attributes: AttributeSet, gone: Sequence[Entry], card: Card, note: dict[str, Any]
) -> AttributeSet:
    """The set without the texts `gone`, whose classes are named as in the card; the set's own names stay.

    `note` is added to its provenance, under `pruned`, with the texts that went.
    """
    places = {_place(entry, card) for entry in gone}
    kept = [entry for entry in attributes.entries() if _place(entry, card) not in places]
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
        for entry in gone
    ]
    record = {**note, "from": attributes.id, "removed": texts}
    provenance = {
        **attributes.provenance,
        "pruned": [*attributes.provenance.get("pruned", []), record],
    }
    return attributes.model_copy(update={"classes": classes, "provenance": provenance})


def _place(entry: Entry, card: Card) -> tuple[str, str, str | None, str]:
    return _name(entry.class_name, card), entry.kind, _name(entry.confused, card), entry.text


def _name(spelling: str | None, card: Card) -> Any:
    found = None if spelling in (None, OTHER) else card.find_class(str(spelling))
    return spelling if found is None else found.name
