"""`attrgen status`: which texts are unchanged, and which were edited, moved, added or removed by hand.

A set's provenance has the digest of every text as an LLM wrote it, as the library had it or as a file was
imported. A text whose digest is there is unchanged. Where the cache or the library still has the original of
one that is not, the most similar text of the same list is its edited form; where only the digest is known, a
text at the position of a missing one is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from attrgen.curation import provenance
from attrgen.curation.pairing import paired
from attrgen.curation.provenance import Original, digest
from attrgen.llm.cache import Cache
from attrgen.schema.attribute_set import LocatedSet
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import slot_of

UNCHANGED = {"llm": "as generated", "curated": "as curated", "imported": "as imported"}  # by source
CHANGED = ("edited", "moved", "added", "removed")

Moves = Mapping[tuple[Slot, str], Slot]  # list and digest of a text -> the list that it came from


@dataclass(frozen=True)
class State:
    """What became of one text.

    Attributes:
        state: "as generated", "as curated", "as imported", "edited", "moved", "added" or "removed".
        text: as it is now; None when removed.
        original: as it was, where that is known.
        position, line: position in its list (from 0) and line in the file; None when removed.
        moved_from: for "moved", the list that it came into the set with.
    """

    slot: Slot
    state: str
    text: str | None
    original: str | None = None
    position: int | None = None
    line: int | None = None
    moved_from: Slot | None = None


class _Current(NamedTuple):
    """A text as it is in the file now."""

    position: int
    line: int | None
    text: str
    digest: str


def states(
    located: LocatedSet, originals: Mapping[Slot, Sequence[Original]], card: Card | None
) -> list[State]:
    """The state of every text, list by list in file order; removed texts are at the end of their list."""
    current = _current_lists(located, card)
    originals = {slot_of(slot, card): items for slot, items in originals.items()}
    moves = _moves(current, originals)
    moved_out = {(origin, digest) for (_, digest), origin in moves.items()}
    result: list[State] = []
    for slot in dict.fromkeys((*current, *originals)):
        stayed = [item for item in originals.get(slot, ()) if (slot, item.digest) not in moved_out]
        result += _states_of_list(slot, current.get(slot, []), stayed, moves)
    return result


def of_file(located: LocatedSet, cache: Path, card: Card | None) -> list[State]:
    """`states` of a set as read from a file, compared with the answers in a cache's folder if there is one.

    Raises:
        UserError: the set's record of runs is damaged, or the folder holds something that is no cache.
    """
    if not (cache / "llm").is_dir():
        return states(located, provenance.originals(located.set), card)
    with Cache(cache) as answers:
        return states(located, provenance.originals(located.set, answers), card)


def counts(texts: Iterable[State]) -> Counter[str]:
    """How many texts are in each state."""
    return Counter(item.state for item in texts)


def _current_lists(located: LocatedSet, card: Card | None) -> dict[Slot, list[_Current]]:
    lists: dict[Slot, list[_Current]] = {}
    for entry in located.set.entries():
        text = _Current(entry.position, located.json.line(entry.path), entry.text, digest(entry.text))
        lists.setdefault(slot_of(entry, card), []).append(text)
    return lists


def _moves(current: Mapping[Slot, Sequence[_Current]], originals: Mapping[Slot, Sequence[Original]]) -> Moves:
    """Texts that left one list and are word for word in another."""
    now = dict.fromkeys((slot, item.digest) for slot, items in current.items() for item in items)
    before = dict.fromkeys((slot, item.digest) for slot, items in originals.items() for item in items)
    # The first list that a text left; reversed, so that it overwrites the later ones.
    origins = {digest: slot for slot, digest in reversed(before) if (slot, digest) not in now}
    return {key: origins.pop(key[1]) for key in now if key not in before and key[1] in origins}


def _states_of_list(
    slot: Slot, current: Sequence[_Current], originals: Sequence[Original], moves: Moves
) -> Iterator[State]:
    sources = {item.digest: item.source for item in originals}
    new = [item for item in current if item.digest not in sources and (slot, item.digest) not in moves]
    edited = _edits(current, new, originals)
    for item in current:
        original: str | None = None
        moved_from: Slot | None = None
        if item.digest in sources:
            state = UNCHANGED.get(sources[item.digest], "added")
        elif (slot, item.digest) in moves:
            state, moved_from = "moved", moves[slot, item.digest]
        elif item.digest in edited:
            state, original = "edited", edited[item.digest].text
        else:
            state = "added"
        yield State(slot, state, item.text, original, item.position, item.line, moved_from)
    kept = {item.digest for item in current} | {item.digest for item in edited.values()}
    yield from (State(slot, "removed", None, item.text) for item in originals if item.digest not in kept)


def _edits(
    current: Sequence[_Current], new: Sequence[_Current], originals: Sequence[Original]
) -> dict[str, Original]:
    """The original of every text in `new` that is an edited one, by the digest of the new text."""
    unchanged = {item.digest for item in current}
    known = [item for item in originals if item.digest not in unchanged and item.text is not None]
    pairs = paired([str(item.text) for item in known], [item.text for item in new])
    edits = {new[j].digest: known[i] for i, j in pairs.items()}
    gaps = _gaps(originals, unchanged)
    anchors = _anchors(current, {item.digest for item in originals})
    for item, anchor in zip(current, anchors, strict=True):
        if item in new and item.digest not in edits and gaps.get(anchor):
            edits[item.digest] = gaps[anchor].pop(0)
    return edits


def _gaps(originals: Sequence[Original], unchanged: Collection[str]) -> dict[str, list[Original]]:
    """Missing originals of unknown wording, by the digest of the nearest unchanged text before them."""
    gaps: dict[str, list[Original]] = {}
    before = ""
    for item in originals:
        if item.digest in unchanged:
            before = item.digest
        elif item.text is None:
            gaps.setdefault(before, []).append(item)
    return gaps


def _anchors(current: Sequence[_Current], originals: Collection[str]) -> Iterator[str]:
    """For each text, the digest of the nearest unchanged text before it."""
    before = ""
    for item in current:
        if item.digest in originals:
            before = item.digest
        yield before
