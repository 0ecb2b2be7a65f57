"""`attrgen adapt`: the part of a set that fits another dataset, with its provenance.

Classes are the same where a name or an alias is the same. Folders do not count, for many are mere numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attrgen.core.errors import UserError
from attrgen.curation import provenance
from attrgen.schema.attribute_set import OTHER, AttributeSet
from attrgen.schema.card import Card, fold
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import from_lists, lists_of


@dataclass(frozen=True)
class Adapted:
    """A set for another dataset.

    Attributes:
        mapped: for each class that fits, its name in the other dataset.
        unused: classes of the set that the other dataset does not have.
        ambiguous: classes that could be several of the other dataset, or one that another class is, too.
        missing: classes of the other dataset for which the set has no text.
        left_out: confusion lists of fitting classes with a class that does not fit.
    """

    attributes: AttributeSet
    mapped: Mapping[str, str]
    unused: tuple[str, ...]
    ambiguous: tuple[str, ...]
    missing: tuple[str, ...]
    left_out: tuple[Slot, ...]


def adapt(attributes: AttributeSet, card: Card | None, target: Card) -> Adapted:
    """The lists of a set whose classes the target has, in the target's spelling and order.

    Args:
        card: the set's own card, whose aliases are used, too.

    Raises:
        UserError: no class fits, or two spellings in the set mean the same class.
    """
    lists = lists_of(attributes, card)
    names = dict.fromkeys(name for slot in lists for name in (slot.class_name, slot.confused) if name)
    candidates = {name: _candidates(name, card, target) for name in names if name != OTHER}
    taken = [match for matches in candidates.values() for match in matches]
    mapped = {
        name: matches[0]
        for name, matches in candidates.items()
        if len(matches) == 1 and taken.count(matches[0]) == 1
    }
    renamed = {slot: _renamed(slot, mapped) for slot in lists}
    fitting = {new: lists[slot] for slot, new in renamed.items() if new is not None}
    if not fitting:
        raise UserError(
            f"no class of this set is one of '{target.name}'",
            code="adapt-no-class",
            remedy="Add the set's names as aliases to the classes of its card.",
        )
    ordered = {slot: fitting[slot] for slot in sorted(fitting, key=lambda slot: _rank(slot, target))}
    result = AttributeSet(
        dataset=target.name,
        classes=from_lists(ordered),
        provenance=_provenance(attributes, lists, mapped),
    )
    ambiguous = tuple(name for name, matches in candidates.items() if matches and name not in mapped)
    return Adapted(
        attributes=result,
        mapped=mapped,
        unused=tuple(name for name, matches in candidates.items() if not matches),
        ambiguous=ambiguous,
        missing=tuple(name for name in target.class_names if name not in result.classes),
        left_out=tuple(
            slot for slot, new in renamed.items() if new is None and mapped.get(slot.class_name) is not None
        ),
    )


def _candidates(name: str, card: Card | None, target: Card) -> list[str]:
    """The target's classes that share a name or an alias with a class."""
    entry = None if card is None else card.find_class(name)
    spellings = {fold(text) for text in (name, *(() if entry is None else (entry.name, *entry.aliases)))}
    return [
        other.name
        for other in target.classes
        if spellings & {fold(text) for text in (other.name, *other.aliases)}
    ]


def _renamed(slot: Slot, mapped: Mapping[str, str]) -> Slot | None:
    """The list in the target's names; None where it does not fit."""
    names = {**mapped, OTHER: OTHER}
    if slot.class_name not in mapped or (slot.confused is not None and slot.confused not in names):
        return None
    confused = None if slot.confused is None else names[slot.confused]
    return Slot(mapped[slot.class_name], slot.kind, confused)


def _rank(slot: Slot, target: Card) -> tuple[int, int]:
    """Classes and confused classes in the card's order; kinds keep theirs, for the sort is stable."""
    order = {name: index for index, name in enumerate((*target.class_names, OTHER))}
    return order[slot.class_name], order.get(slot.confused or "", -1)


def _provenance(
    attributes: AttributeSet, lists: Mapping[Slot, list[str]], mapped: Mapping[str, str]
) -> dict[str, Any]:
    """The set's own record, its runs under the new names, and which set it was made of."""
    runs = provenance.runs_of(attributes)
    source = str(attributes.provenance.get("source", "hand"))
    if not runs and source in ("curated", "imported", "llm"):
        runs = [{"source": source, "set": attributes.id, "generated": provenance.digests(lists)}]
    adapted = {"id": attributes.id, "dataset": attributes.dataset, "classes": dict(mapped)}
    renamed = [provenance.renamed(_without_lists(run), lambda slot: _renamed(slot, mapped)) for run in runs]
    kept = [run for run in renamed if run.get("generated") != {}]
    return {**attributes.provenance, "adapted": adapted, "runs": kept}


def _without_lists(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run whose imported files are named without their lists, which are those of the other dataset."""
    if "files" not in run:
        return dict(run)
    files = [{key: value for key, value in file.items() if key != "classes"} for file in run["files"]]
    return {**run, "files": files}
