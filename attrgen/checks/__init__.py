"""The linter of attribute texts: what `attrgen check` finds in files, and what `attrgen build` sends back.

A rule is one function, registered by a decorator of `attrgen.checks.rule`. A new file in the folder `rules`
adds rules, and so does another package's module (see `attrgen.checks.registry`); no list needs an entry.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from attrgen.checks.registry import all_rules
from attrgen.checks.rule import LEVELS, Finding, Level, Lists, Rule, findings
from attrgen.schema.attribute_set import OTHER, AttributeSet
from attrgen.schema.card import Card, fold
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import slot_of

__all__ = ["LEVELS", "Finding", "Level", "Rule", "all_rules", "check_lists", "check_set", "check_texts"]


def check_texts(
    texts: Sequence[str],
    *,
    class_name: str,
    kind: str,
    confused: str | None = None,
    card: Card | None = None,
    levels: Collection[Level] = LEVELS,
) -> list[Finding]:
    """What the rules of those levels find in one list by itself."""
    return check_lists({Slot(class_name, kind, confused): texts}, card, levels)


def check_set(attributes: AttributeSet, card: Card | None = None) -> list[Finding]:
    """What all rules find in a set, by class, kind and position."""
    lists: dict[Slot, list[str]] = {}
    for entry in attributes.entries():
        lists.setdefault(Slot(entry.class_name, entry.kind, entry.confused), []).append(entry.text)
    return check_lists(lists, card)


def check_lists(
    lists: Mapping[Slot, Sequence[str]], card: Card | None = None, levels: Collection[Level] = LEVELS
) -> list[Finding]:
    """What the rules of those levels find in these lists, checked together, in their order.

    Class names may be spelled in any way that the card knows; findings spell them as `lists` does.
    """
    rules = [rule for rule in all_rules().values() if rule.level in levels]
    given: dict[Slot, Slot] = {}
    for slot in lists:
        named = slot_of(slot, card)
        given[slot if named in given else named] = slot
    texts = {named: lists[slot] for named, slot in given.items()}
    return [
        replace(finding, class_name=given[finding.slot].class_name, confused=given[finding.slot].confused)
        for finding in findings(rules, Lists(texts, _spellings(texts, card)))
    ]


def _spellings(lists: Mapping[Slot, Sequence[str]], card: Card | None) -> dict[str, frozenset[str]]:
    names = {name for slot in lists for name in (slot.class_name, slot.confused) if name is not None}
    known = {} if card is None else card.spellings
    return {**known, **{name: frozenset({fold(name)}) for name in sorted(names - {OTHER, *known})}}
