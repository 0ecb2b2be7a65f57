"""`attrgen merge`: the union of attribute sets, list by list, with the provenance of each.

The texts of the first set come first, in their order, then the new ones of the second, and so on: merging a
set into itself, or one that it contains already, changes no text. A text that differs from another only in
case or spaces is the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from attrgen.core.errors import UserError
from attrgen.curation import provenance
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import from_lists, lists_of

SEPARATE = ("source", "runs", "merged")  # fields of a provenance that may differ between sets


@dataclass(frozen=True)
class Merged:
    """The union, how many texts each set added to it, and their contradictions."""

    attributes: AttributeSet
    added: list[int]
    conflicts: list[str] = field(default_factory=list)


def merge(sets: Sequence[AttributeSet], card: Card | None = None) -> Merged:
    """The union of two or more sets of the same dataset.

    Raises:
        UserError: they are of different datasets, or two spellings in one of them mean the same class.
    """
    first = sets[0]
    for other in sets[1:]:
        if other.dataset != first.dataset:
            raise UserError(
                f"a set of '{other.dataset}' cannot be merged into one of '{first.dataset}'",
                code="merge-other-dataset",
                remedy='Give both the same "dataset" if they mean the same classes.',
            )
    lists: dict[Slot, list[str]] = {}
    added = []
    for attributes in sets:
        number = 0
        for slot, texts in lists_of(attributes, card).items():
            union = lists.setdefault(slot, [])
            known = {_folded(text) for text in union}
            new = [text for text in texts if _folded(text) not in known]
            union += new
            number += len(new)
        added.append(number)
    record = {
        "source": _source(sets),
        "merged": [{"id": one.id, **_without_runs(one)} for one in sets],
        "runs": _runs(sets, card),
    }
    merged = first.model_copy(update={"classes": from_lists(lists), "provenance": record})
    return Merged(merged, added, [*_in_two_lists(sets, lists, card), *_contradictions(sets)])


def _in_two_lists(sets: Sequence[AttributeSet], lists: dict[Slot, list[str]], card: Card | None) -> list[str]:
    """Texts in different lists of different sets; a text that one set has in both lists is no conflict."""
    slots_of: dict[str, list[Slot]] = {}
    for slot, texts in lists.items():
        for text in texts:
            slots_of.setdefault(_folded(text), []).append(slot)
    within_one_set: set[tuple[str, frozenset[Slot]]] = set()
    for attributes in sets:
        in_set: dict[str, set[Slot]] = {}
        for slot, texts in lists_of(attributes, card).items():
            for text in texts:
                in_set.setdefault(_folded(text), set()).add(slot)
        within_one_set |= {(text, frozenset(slots)) for text, slots in in_set.items()}
    return [
        f"'{text}' is in {' and in '.join(map(str, slots))}"
        for text, slots in slots_of.items()
        if len(slots) > 1 and (text, frozenset(slots)) not in within_one_set
    ]


def _contradictions(sets: Sequence[AttributeSet]) -> list[str]:
    """Fields of the provenances with different values; all are kept under 'merged'."""
    values: dict[str, list[Any]] = {}
    for attributes in sets:
        for name, value in attributes.provenance.items():
            if name not in SEPARATE and value not in values.setdefault(name, []):
                values[name].append(value)
    return [
        f"provenance: '{name}' is {' and '.join(map(repr, different))}"
        for name, different in values.items()
        if len(different) > 1
    ]


def _source(sets: Sequence[AttributeSet]) -> str:
    sources = {str(one.provenance.get("source", "hand")) for one in sets}
    return sources.pop() if len(sources) == 1 else "mixed"


def _without_runs(attributes: AttributeSet) -> dict[str, Any]:
    return {name: value for name, value in attributes.provenance.items() if name != "runs"}


def _runs(sets: Sequence[AttributeSet], card: Card | None) -> list[dict[str, Any]]:
    """The runs of all sets, each once; for `status`, a set without runs gets one unless it is by hand."""
    runs: list[dict[str, Any]] = []
    for one in sets:
        its_runs = provenance.runs_of(one)
        source = str(one.provenance.get("source", "hand"))
        if not its_runs and source in ("curated", "imported", "llm"):
            generated = provenance.digests(lists_of(one, card))
            its_runs = [{"source": source, "set": one.id, "generated": generated}]
        runs += [run for run in its_runs if run not in runs]
    return runs


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
