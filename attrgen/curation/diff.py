"""`attrgen diff`: what differs between the texts of two attribute sets, whatever the files look like.

The order of classes and of lists has no meaning, nor has a spelling that the card knows, nor the provenance.
The order within a list has: it is part of the set's id.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from attrgen.curation.pairing import paired
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import lists_of

KINDS_OF_CHANGE = ("added", "removed", "reworded", "moved", "reordered")
Lists = Mapping[Slot, Sequence[str]]


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        what: "added", "removed", "reworded", "moved" or "reordered".
        slot: the list that has the text now; for "removed", that had it.
        text: the text as it is now; for "removed", as it was.
        before: for "reworded", the text as it was.
        origin: for "moved", the list that had it.
    """

    what: str
    slot: Slot
    text: str
    before: str | None = None
    origin: Slot | None = None


def changes(old: Lists, new: Lists) -> list[Change]:
    """What has to be done to `old` to get `new`, list by list in the order of `new`, then of `old`.

    A text that left one list and is word for word in another was moved. Of the rest of each list the most
    similar pairs were reworded. Texts that both have, in another order, were reordered: as few as explain it.
    """
    slots = list(dict.fromkeys((*new, *old)))
    removed = {slot: [t for t in old.get(slot, ()) if t not in new.get(slot, ())] for slot in slots}
    added = {slot: [t for t in new.get(slot, ()) if t not in old.get(slot, ())] for slot in slots}
    origins: dict[str, list[Slot]] = {}
    for slot in slots:
        for text in removed[slot]:
            origins.setdefault(text, []).append(slot)
    result: dict[Slot, list[Change]] = {slot: [] for slot in slots}
    for slot in slots:
        for text in list(added[slot]):
            if origins.get(text):
                origin = origins[text].pop(0)
                result[slot].append(Change("moved", slot, text, origin=origin))
                added[slot].remove(text)
                removed[origin].remove(text)
    for slot in slots:
        result[slot] += _within(slot, removed[slot], added[slot])
        result[slot] += [Change("reordered", slot, text) for text in _out_of_order(old, new, slot)]
    return [change for slot in slots for change in result[slot]]


def difference(old: AttributeSet, new: AttributeSet, card: Card | None) -> list[Change]:
    """`changes` between two sets, in the card's spelling.

    Raises:
        UserError: two spellings in one set mean the same class.
    """
    return changes(lists_of(old, card), lists_of(new, card))


def as_json(old: AttributeSet, new: AttributeSet, changes: Sequence[Change]) -> str:
    """The ids, the counts and the changes; keys without a value are left out."""
    rows = []
    for change in changes:
        row = {**asdict(change), "slot": str(change.slot)}
        row["origin"] = None if change.origin is None else str(change.origin)
        rows.append({key: value for key, value in row.items() if value is not None})
    document = {
        "a": _head(old),
        "b": _head(new),
        "counts": Counter(item.what for item in changes),
        "changes": rows,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def report(
    a: Path, old: AttributeSet, b: Path, new: AttributeSet, changes: Sequence[Change]
) -> Iterator[str]:
    """All lines for a person: both sets with their ids, the changes, and how many they are."""
    for mark, path, attributes in (("A", a, old), ("B", b, new)):
        number = sum(1 for _ in attributes.entries())
        yield f"{mark} {path}: {attributes.dataset}, id {attributes.id[:12]}, {number} texts"
    yield from described(changes)
    yield summary(changes)
    if not changes and old.id != new.id:
        yield "The ids differ, because classes are spelled differently."


def described(changes: Sequence[Change]) -> Iterator[str]:
    """Lines for a person: each list that differs, and a line or two for each of its changes."""
    slot = None
    for change in changes:
        if change.slot != slot:
            slot = change.slot
            yield str(slot)
        if change.what == "reworded":
            yield f"  - {change.before}"
            yield f"  ~ {change.text}"
        elif change.what == "moved":
            yield f"  > {change.text}  (from {change.origin})"
        else:
            mark = {"added": "+", "removed": "-", "reordered": "↕"}[change.what]
            yield f"  {mark} {change.text}"


def summary(changes: Sequence[Change]) -> str:
    """One sentence: how many changes of which kind."""
    if not changes:
        return "The texts are equal."
    counts = Counter(change.what for change in changes)
    return ", ".join(f"{counts[name]} {name}" for name in KINDS_OF_CHANGE if counts[name]) + "."


def _within(slot: Slot, removed: Sequence[str], added: Sequence[str]) -> Iterator[Change]:
    became = paired(removed, added)
    before = {j: removed[i] for i, j in became.items()}
    for j, text in enumerate(added):
        if j in before:
            yield Change("reworded", slot, text, before[j])
        else:
            yield Change("added", slot, text)
    yield from (Change("removed", slot, text) for i, text in enumerate(removed) if i not in became)


def _out_of_order(old: Lists, new: Lists, slot: Slot) -> list[str]:
    """The fewest of the texts that both lists have whose removal leaves the others in one order."""
    position = {text: number for number, text in enumerate(old.get(slot, ()))}
    common = [text for text in new.get(slot, ()) if text in position]
    # Longest increasing subsequence by patience sorting: the texts that need not move.
    ends: list[int] = []
    length = []
    for text in common:
        at = bisect_left(ends, position[text])
        ends[at : at + 1] = [position[text]]
        length.append(at + 1)
    kept: set[str] = set()
    for text, reach in zip(reversed(common), reversed(length), strict=True):
        if reach == len(ends) - len(kept):  # the last of its pile, so smaller than what was kept before
            kept.add(text)
    return [text for text in common if text not in kept]


def _head(attributes: AttributeSet) -> dict[str, object]:
    number = sum(1 for _ in attributes.entries())
    return {"dataset": attributes.dataset, "id": attributes.id, "texts": number}
