"""What a rule is, and the decorators that register one.

A rule has an id, a level and a function that looks at one text, at one list, or at all lists of a set, and
gives messages. The decorators `text_rule`, `list_rule` and `set_rule` register it under its id; the first
line of the function's docstring is what `attrgen check --rules` says about it. Where rules come from, other
packages included, see `attrgen.checks.registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from attrgen.checks.names import Names, names_of
from attrgen.schema.attribute_set import POSITIVE_KINDS
from attrgen.schema.plan import Slot

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
ERRORS: tuple[Level, ...] = ("error",)


@dataclass(frozen=True)
class Finding:
    """A problem, and its location as far as it has one.

    `message` has no full stop. `position` counts from 0 in the list; `line` is the 1-based line in a file.
    """

    rule: str
    level: Level
    message: str
    class_name: str | None = None
    kind: str | None = None
    confused: str | None = None
    position: int | None = None
    text: str | None = None
    line: int | None = None

    @property
    def slot(self) -> Slot:
        """The list of a finding about a text."""
        assert self.class_name is not None and self.kind is not None
        return Slot(self.class_name, self.kind, self.confused)


@dataclass(frozen=True)
class Lists:
    """The lists that are checked together, by slot, and the folded spellings of every class."""

    texts: Mapping[Slot, Sequence[str]]
    spellings: Mapping[str, frozenset[str]]

    def positives(self, class_name: str) -> list[str]:
        """Descriptive and distinctive texts of a class."""
        return [text for kind in POSITIVE_KINDS for text in self.texts.get(Slot(class_name, kind), ())]

    @cached_property
    def names(self) -> Names:
        """The names of the classes, by which texts are searched."""
        return names_of(self.spellings)


class Hit(NamedTuple):
    """A text that a rule objects to."""

    slot: Slot
    position: int
    message: str


@dataclass(frozen=True)
class Rule:
    """A rule; `find` yields its hits in all lists."""

    id: str
    level: Level
    summary: str
    find: Callable[[Lists], Iterator[Hit]]


REGISTERED: dict[str, Rule] = {}  # those whose files are imported; see `registry.all_rules`

TextRule = Callable[[str, Slot, Lists], str | None]
ListRule = Callable[[Sequence[str], Slot], Iterable[tuple[int, str]]]
SetRule = Callable[[Lists], Iterator[Hit]]


def text_rule(id: str, level: Level) -> Callable[[TextRule], TextRule]:
    """Register a function of one text, its slot and all lists; it returns a message or None."""

    def register(function: TextRule) -> TextRule:
        def find(lists: Lists) -> Iterator[Hit]:
            for slot, texts in lists.texts.items():
                for position, text in enumerate(texts):
                    message = function(text, slot, lists)
                    if message is not None:
                        yield Hit(slot, position, message)

        _register(Rule(id, level, _summary(id, function), find))
        return function

    return register


def list_rule(id: str, level: Level) -> Callable[[ListRule], ListRule]:
    """Register a function of one list and its slot; it yields positions and messages."""

    def register(function: ListRule) -> ListRule:
        def find(lists: Lists) -> Iterator[Hit]:
            for slot, texts in lists.texts.items():
                for position, message in function(texts, slot):
                    yield Hit(slot, position, message)

        _register(Rule(id, level, _summary(id, function), find))
        return function

    return register


def set_rule(id: str, level: Level) -> Callable[[SetRule], SetRule]:
    """Register a function of all lists; it yields hits."""

    def register(function: SetRule) -> SetRule:
        _register(Rule(id, level, _summary(id, function), function))
        return function

    return register


def findings(rules: Iterable[Rule], lists: Lists) -> list[Finding]:
    """What these rules find, in the order of the lists; on one text in the order of the rules."""
    hits = [(hit, rule) for rule in rules for hit in rule.find(lists)]
    order = {slot: number for number, slot in enumerate(lists.texts)}
    hits.sort(key=lambda item: (order[item[0].slot], item[0].position))
    return [
        Finding(
            rule=rule.id,
            level=rule.level,
            message=hit.message,
            class_name=hit.slot.class_name,
            kind=hit.slot.kind,
            confused=hit.slot.confused,
            position=hit.position,
            text=lists.texts[hit.slot][hit.position],
        )
        for hit, rule in hits
    ]


def _summary(id: str, function: Callable[..., object]) -> str:
    """The first line of a rule's docstring."""
    lines = (function.__doc__ or "").strip().splitlines()
    if not lines:
        raise ValueError(f"the function of rule '{id}' has no docstring, whose first line lists the rule")
    return lines[0]


def _register(rule: Rule) -> None:
    if rule.id in REGISTERED:
        raise ValueError(f"there is a rule '{rule.id}' already")
    if rule.level not in LEVELS:
        raise ValueError(f"rule '{rule.id}': the level '{rule.level}' is none of {', '.join(LEVELS)}")
    REGISTERED[rule.id] = rule
