"""The curated library: attribute sets that come with the program (`data/attributes/NAME.json`)."""

from __future__ import annotations

from pathlib import Path

from attrgen.core.resources import resource
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card


def path_of(dataset: str) -> Path:
    """Where the library's set for a dataset is, or would be."""
    return resource("data", "attributes", f"{dataset}.json")


def find(card: Card) -> AttributeSet | None:
    """The library's set for a card, or None.

    A user's own dataset may share a name with a shipped one, so a set none of whose classes is in
    the card does not count.

    Raises:
        UserError: the set is there but not valid.
    """
    path = path_of(card.name)
    if not path.is_file():
        return None
    attributes = attribute_set.load(path)
    return attributes if any(card.find_class(name) for name in attributes.classes) else None
