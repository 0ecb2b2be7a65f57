"""The form of a file: what the contract of an attribute set requires of it, all problems in one pass.

Unlike `attribute_set.load`, which refuses a file, this reads what can be read of it. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrgen.checks.rule import Finding, Level
from attrgen.core.json_lines import JsonPath, LocatedJson
from attrgen.schema.attribute_set import KINDS, LONGEST_TEXT, OTHER
from attrgen.schema.card import Card, did_you_mean, fold
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import class_name

# Id → level and summary, as for the rules on texts.
FORM: Mapping[str, tuple[Level, str]] = {
    "encoding": ("error", "not UTF-8"),
    "json": ("error", "not JSON"),
    "schema": ("error", "an unknown or repeated key, an empty list, a value of another kind"),
    "dataset": ("error", "the set of another dataset than the card's"),
    "class-names": ("error", "a class that the card does not have, or one that is there twice"),
    "missing": ("error", "a class of the card, or a kind that other classes have, is missing"),
    "unused-kind": ("note", "a kind that no class has"),
    "no-card": ("note", "the dataset has no card, so class names are checked within the file only"),
}
_ASKED_BY_ITSELF = ("ensemble",)

Paths = dict[Slot, list[JsonPath]]


def finding(rule: str, message: str, **location: Any) -> Finding:
    """A finding of one of the rules above."""
    return Finding(rule, FORM[rule][0], message.rstrip("."), **location)


def readable(located: LocatedJson) -> tuple[dict[Slot, list[str]], Paths]:
    """The texts of every list, and their paths; values of another form, and too long texts, are skipped."""
    lists: dict[Slot, list[str]] = {}
    paths: Paths = {}
    for name, kinds in _mapping(_mapping(located.value).get("classes")).items():
        for kind in KINDS:
            value = _mapping(kinds).get(kind)
            groups = _mapping(value).items() if kind == "confusion" else [(None, value)]
            for confused, texts in groups:
                path = ("classes", name, kind) if confused is None else ("classes", name, kind, confused)
                for position, text in enumerate(texts if isinstance(texts, list) else ()):
                    if isinstance(text, str) and text.strip() and len(text) <= LONGEST_TEXT:
                        slot = Slot(name, kind, confused)
                        lists.setdefault(slot, []).append(text.encode("utf-8", "replace").decode("utf-8"))
                        paths.setdefault(slot, []).append((*path, position))
    return lists, paths


def against_card(located: LocatedJson, card: Card | None) -> Iterator[Finding]:
    """What is wrong with the dataset, the classes and their kinds."""
    value = _mapping(located.value)
    dataset, line = value.get("dataset"), located.line(("dataset",))
    if card is None and isinstance(dataset, str):
        message = f"the dataset '{dataset}' has no card here; give --dataset CARD to have class names checked"
        yield finding("no-card", message, line=line)
    elif card is not None and isinstance(dataset, str) and dataset != card.name:
        yield finding("dataset", f"is the set of '{dataset}', not of '{card.name}'", line=line)
    classes = _mapping(value.get("classes"))
    yield from _names(located, classes, card)
    yield from _missing(located, classes, card)


def _names(located: LocatedJson, classes: Mapping[str, Any], card: Card | None) -> Iterator[Finding]:
    known = tuple(classes) if card is None else card.class_names
    whose = "among the classes of this set" if card is None else f"in the card '{card.name}'"
    names = {fold(name): name for name in reversed(known)}  # of two that fold alike the first counts
    first: dict[str, str] = {}
    for spelling, kinds in classes.items():
        own_name = names.get(fold(class_name(spelling, card)))
        location: dict[str, Any] = {"class_name": spelling, "line": located.line(("classes", spelling))}
        if own_name is None:
            remedy = f"{did_you_mean(spelling, known)} Rename it, remove it, or add an alias to the card"
            yield finding("class-names", f"class '{spelling}' is not {whose}. {remedy}", **location)
        elif first.setdefault(own_name, spelling) != spelling:
            message = f"class '{own_name}' is there twice, as '{first[own_name]}' and as '{spelling}'"
            yield finding("class-names", message, **location)
        confused: set[str] = set()
        for key in _mapping(_mapping(kinds).get("confusion")):
            other = OTHER if key == OTHER else names.get(fold(class_name(key, card)))
            message = ""
            if other is None:
                near = did_you_mean(key, (*known, OTHER))
                message = f"confusion with '{key}', which is not {whose}. {near}"
            elif other == own_name:
                message = "is listed as confused with itself"
            elif other in confused:
                message = f"confusion with '{other}' is there twice"
            if message:
                location["line"] = located.line(("classes", spelling, "confusion", key))
                yield finding("class-names", message, kind="confusion", confused=key, **location)
            confused.add(other or key)


def _missing(located: LocatedJson, classes: Mapping[str, Any], card: Card | None) -> Iterator[Finding]:
    top = located.line(("classes",))
    there = {class_name(spelling, card) for spelling in classes}
    for name in () if card is None else card.class_names:
        if name not in there:
            message = f"the card's class '{name}' is missing"
            yield finding("missing", message, class_name=name, line=top)
    kinds_of = {
        name: [kind for kind in KINDS if _mapping(kinds).get(kind) is not None]
        for name, kinds in classes.items()
    }
    used = {kind for kinds in kinds_of.values() for kind in kinds}
    for name, kinds in kinds_of.items():
        for kind in KINDS:
            if kind in used and kind not in kinds:
                message = f"has no '{kind}' attributes, which other classes have"
                line = located.line(("classes", name))
                yield finding("missing", message, class_name=name, kind=kind, line=line)
    for kind in KINDS:
        if classes and kind not in used and kind not in _ASKED_BY_ITSELF:
            message = f"no class has '{kind}' attributes, and some methods need them"
            yield finding("unused-kind", message, kind=kind, line=top)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
