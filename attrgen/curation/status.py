"""`attrgen status`: which texts are as they came, and which were edited, moved, added by hand, or removed.

A set's provenance has the digest of every text as an LLM wrote it, as the library had it or as a file was
imported. A text whose digest is there is as it came. Where the cache or the library still has the original of
one that is not, the likest text of the same list is its edited form; where only the digest is left, a text
that stands in the place of a missing one is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from attrgen.core import tables
from attrgen.curation import provenance
from attrgen.curation.pairing import paired
from attrgen.curation.provenance import Original, digest
from attrgen.llm.cache import Cache
from attrgen.schema.attribute_set import AttributeSet, LocatedSet
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import slot_of

AS_IT_CAME = {"llm": "as generated", "curated": "as curated", "imported": "as imported"}
CHANGED = ("edited", "moved", "added", "gone")


@dataclass(frozen=True)
class State:
    """What became of one text.

    Attributes:
        state: "as generated", "as curated", "as imported", "edited", "moved", "added" or "gone".
        text: as it is now; None when gone.
        original: as it was, where that is known.
        position, line: place in its list (from 0) and line in the file; None when gone.
        moved_from: for "moved", the list that it came into the set with.
    """

    slot: Slot
    state: str
    text: str | None
    original: str | None = None
    position: int | None = None
    line: int | None = None
    moved_from: Slot | None = None


def states(
    located: LocatedSet, originals: Mapping[Slot, Sequence[Original]], card: Card | None
) -> list[State]:
    """The state of every text, list by list in file order; what is gone stands at the end of its list."""
    lists: dict[Slot, list[_Placed]] = {}
    for entry in located.set.entries():
        placed = _Placed(entry.position, located.json.line(entry.path), entry.text, digest(entry.text))
        lists.setdefault(slot_of(entry, card), []).append(placed)
    originals = {slot_of(slot, card): items for slot, items in originals.items()}
    for slot in originals:
        lists.setdefault(slot, [])
    here = dict.fromkeys((slot, item.digest) for slot, items in lists.items() for item in items)
    came = dict.fromkeys((slot, item.digest) for slot, items in originals.items() for item in items)
    left = {digest: slot for slot, digest in reversed(came) if (slot, digest) not in here}
    moves = {place: left.pop(place[1]) for place in here if place not in came and place[1] in left}
    moved_out = {(start, digest) for (_, digest), start in moves.items()}
    found: list[State] = []
    for slot, items in lists.items():
        stay = [item for item in originals.get(slot, ()) if (slot, item.digest) not in moved_out]
        found += _of_list(slot, items, stay, moves)
    return found


def of_file(located: LocatedSet, cache: Path, card: Card | None) -> list[State]:
    """`states` of a set as read from a file, held against a cache's folder where there is one.

    Raises:
        UserError: the set's record of runs is damaged, or the folder holds something that is no cache.
    """
    if not (cache / "llm").is_dir():
        return states(located, provenance.originals(located.set), card)
    with Cache(cache) as answers:
        return states(located, provenance.originals(located.set, answers), card)


def counts(found: Iterable[State]) -> Counter[str]:
    """How many texts are in each state."""
    return Counter(state.state for state in found)


def as_json(attributes: AttributeSet, found: Sequence[State]) -> str:
    """The set's id, the counts, and one object a text; keys without a value are left out."""
    rows = []
    for item in found:
        row = {**item.slot._asdict(), "position": item.position, "line": item.line, "state": item.state}
        row |= {"text": item.text, "original": item.original}
        row["moved_from"] = None if item.moved_from is None else str(item.moved_from)
        rows.append({key: value for key, value in row.items() if value is not None})
    whole = {"dataset": attributes.dataset, "id": attributes.id, "counts": counts(found), "texts": rows}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def show(attributes: AttributeSet, found: Sequence[State]) -> None:
    """Print the number of texts in each state, a row a list, then every text that is not as it came."""
    total = counts(found)
    columns = [name for name in (*AS_IT_CAME.values(), *CHANGED) if total[name]]
    table = tables.table("list", numbers=tuple(columns))
    for slot in dict.fromkeys(item.slot for item in found):
        here = counts(item for item in found if item.slot == slot)
        tables.add_row(table, slot, *(here[name] or "" for name in columns))
    table.add_section()
    tables.add_row(table, "all", *(total[name] for name in columns))
    tables.show(table)
    if any(total[name] for name in AS_IT_CAME.values()):
        print(*details(found), sep="\n", end="\n" if any(total[name] for name in CHANGED) else "")
    print(f"{attributes.dataset}, id {attributes.id[:12]}: " + _sentence(total))


def details(found: Iterable[State]) -> Iterator[str]:
    """A line or two for every text that is not as it came."""
    for item in found:
        place = str(item.slot) if item.line is None else f"line {item.line}, {item.slot}"
        if item.state == "edited":
            yield f"edited   {place}: {item.text}"
            was = "(its original is in no cache here)" if item.original is None else item.original
            yield f"         was: {was}"
        elif item.state == "moved":
            yield f"moved    {place}, from {item.moved_from}: {item.text}"
        elif item.state == "added":
            yield f"added    {place}: {item.text}"
        elif item.state == "gone":
            yield f"gone     {place}: {item.original or '(its original is in no cache here)'}"


def _sentence(total: Mapping[str, int]) -> str:
    if not any(total.get(name) for name in AS_IT_CAME.values()) and not total.get("gone"):
        return "its provenance names no origin of a text, so all count as added by hand."
    changed = [f"{total[name]} {name}" for name in CHANGED if total.get(name)]
    return f"{', '.join(changed)}." if changed else "every text is as it came."


class _Placed(NamedTuple):
    position: int
    line: int | None
    text: str
    digest: str


def _of_list(
    slot: Slot,
    current: Sequence[_Placed],
    originals: Sequence[Original],
    moves: Mapping[tuple[Slot, str], Slot],
) -> Iterator[State]:
    sources = {item.digest: item.source for item in originals}
    here = {item.digest for item in current}
    left = [item for item in originals if item.digest not in here]
    new = [item for item in current if item.digest not in sources and (slot, item.digest) not in moves]
    known = [item for item in left if item.text is not None]
    pairs = paired([str(item.text) for item in known], [item.text for item in new])
    edited = {new[j].digest: known[i] for i, j in pairs.items()}
    gaps = _gaps(originals, here)
    for item, before in zip(current, _anchors(current, sources), strict=True):
        if item in new and item.digest not in edited and gaps.get(before):
            edited[item.digest] = gaps[before].pop(0)
    for item in current:
        state = State(slot, "added", item.text, position=item.position, line=item.line)
        if item.digest in sources:
            state = replace(state, state=AS_IT_CAME.get(sources[item.digest], "added"))
        elif (slot, item.digest) in moves:
            state = replace(state, state="moved", moved_from=moves[slot, item.digest])
        elif item.digest in edited:
            state = replace(state, state="edited", original=edited[item.digest].text)
        yield state
    became = {item.digest for item in edited.values()}
    yield from (State(slot, "gone", None, item.text) for item in left if item.digest not in became)


def _gaps(originals: Sequence[Original], here: Container[str]) -> dict[str, list[Original]]:
    """Originals of unknown wording that are missing, by the text before them that is not."""
    gaps: dict[str, list[Original]] = {}
    before = ""
    for item in originals:
        if item.digest in here:
            before = item.digest
        elif item.text is None:
            gaps.setdefault(before, []).append(item)
    return gaps


def _anchors(current: Sequence[_Placed], originals: Container[str]) -> Iterator[str]:
    """For each text, the digest of the nearest text before it that is as it came."""
    before = ""
    for item in current:
        if item.digest in originals:
            before = item.digest
        yield before
