"""Which lists of texts a set should have, which of them are missing, and where new ones go. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import KINDS, OTHER, AttributeSet, ClassAttributes
from attrgen.schema.card import Card, did_you_mean

DEFAULT_KINDS = ("descriptive", "distinctive", "confusion")
DEFAULT_COUNTS = {"descriptive": 10, "distinctive": 10, "confusion": 5, "ensemble": 50}

ALL = "all"

Pairs = Mapping[str, Sequence[str]]  # class -> classes that it is mistaken for


class Slot(NamedTuple):
    """One list of texts: of a class, of a kind, and for confusion the class that it is mistaken for."""

    class_name: str
    kind: str
    confused: str | None = None

    def __str__(self) -> str:
        end = "" if self.confused is None else f"/{self.confused}"
        return f"{self.class_name}/{self.kind}{end}"


def slots(card: Card, kinds: Iterable[str], pairs: Pairs) -> list[Slot]:
    """Every list that the set should have, in label order, then by kind, then by pair."""
    chosen = set(kinds)
    result = []
    for name in card.class_names:
        for kind in KINDS:
            if kind in chosen:
                confused = pairs.get(name, ()) if kind == "confusion" else (None,)
                result += [Slot(name, kind, other) for other in confused]
    return result


def texts_of(attributes: AttributeSet | None, card: Card, slot: Slot) -> list[str] | None:
    """The texts of a slot, whatever spelling of the class the file uses; None where missing."""
    if attributes is None:
        return None
    kinds = attributes.classes.get(_key(attributes.classes, card, slot.class_name))
    if kinds is None:
        return None
    value = getattr(kinds, slot.kind)
    if slot.confused is None or value is None:
        return None if value is None else list(value)
    texts = value.get(_key(value, card, slot.confused))
    return None if texts is None else list(texts)


def refreshed(card: Card, built: Sequence[Slot], refresh: Iterable[str]) -> set[Slot]:
    """The slots that `--refresh CLASS[/KIND[/CONFUSED]]` names; `all` names every list of the build.

    Raises:
        UserError: it names no list that this build makes.
    """
    chosen: set[Slot] = set()
    for word in refresh:
        if word == ALL and card.find_class(ALL) is None:
            return set(built)
        spelling, _, rest = word.partition("/")
        kind, _, confused = rest.partition("/")
        name = card.class_of(spelling).name
        other = card.class_of(confused).name if confused else None
        if kind and kind not in KINDS:
            raise UserError(
                f"--refresh: '{kind}' is no kind", code="build-unknown-kind", remedy=did_you_mean(kind, KINDS)
            )
        hits = {
            slot
            for slot in built
            if slot.class_name == name and kind in ("", slot.kind) and other in (None, slot.confused)
        }
        if not hits:
            raise UserError(
                f"--refresh {word}: this build makes no such list",
                code="build-nothing-to-refresh",
                remedy="Name a kind given with --kinds and a pair given with --confusers.",
            )
        chosen |= hits
    return chosen


def with_texts(
    attributes: AttributeSet | None, card: Card, filled: Mapping[Slot, Sequence[str]]
) -> AttributeSet:
    """The set with those slots filled. Nothing else changes: not a text, not a spelling, not an order.

    New classes and confusions are inserted in the card's order, so that a set built in several steps equals
    one built in one step.
    """
    old = {} if attributes is None else attributes.classes
    missing = [name for name in card.class_names if _key(old, card, name) not in old]
    classes = _inserted(old, {name: ClassAttributes() for name in missing}, card)
    for slot, texts in filled.items():
        key = _key(classes, card, slot.class_name)
        value: Any = list(texts)
        if slot.confused is not None:
            others = getattr(classes[key], slot.kind) or {}
            confused = _key(others, card, slot.confused)
            new = {confused: value}
            value = {**others, **new} if confused in others else _inserted(others, new, card)
        classes[key] = classes[key].model_copy(update={slot.kind: value})
    if attributes is None:
        return AttributeSet(format="attribute-set/1", dataset=card.name, classes=classes)
    return attributes.model_copy(update={"classes": classes})


def _key(mapping: Mapping[str, object], card: Card, name: str) -> str:
    """How `mapping` spells the class `name`."""
    if name in mapping or name == OTHER:
        return name
    for spelling in mapping:
        match = card.find_class(spelling)
        if match is not None and match.name == name:
            return spelling
    return name


def _inserted(old: Mapping[str, Any], new: Mapping[str, Any], card: Card) -> dict[str, Any]:
    """`old` in its order, each key of `new` before the first old key that follows it in the card."""
    order = {name: number for number, name in enumerate((*card.class_names, OTHER))}

    def rank(key: str) -> int:
        match = card.find_class(key)
        return order[match.name] if match is not None else order.get(key, -1)

    result = [(rank(key), key, value) for key, value in old.items()]
    for key, value in new.items():
        new_rank = rank(key)
        index = next((i for i, (other, _, _) in enumerate(result) if other > new_rank), len(result))
        result.insert(index, (new_rank, key, value))
    return {key: value for _, key, value in result}
