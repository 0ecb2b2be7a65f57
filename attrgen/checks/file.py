"""`attrgen check` on a file: read what can be read, and report all that is wrong with its form and texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from attrgen.checks import check_lists
from attrgen.checks.form import against_card, finding, readable
from attrgen.checks.rule import Finding
from attrgen.core.errors import UserError, UserErrors
from attrgen.core.files import read_bytes
from attrgen.schema import attribute_set
from attrgen.schema import card as cards
from attrgen.schema.card import Card


@dataclass(frozen=True)
class Report:
    """The findings in a file, by line. `card` names the card that its classes were compared with, if any."""

    path: Path
    dataset: str | None = None
    card: str | None = None
    texts: int = 0
    findings: list[Finding] = field(default_factory=list)

    def count(self, level: str) -> int:
        """How many findings of a level there are."""
        return sum(item.level == level for item in self.findings)


def check_file(path: Path, card: Card | None = None) -> Report:
    """Check a file; without a card, the shipped card of the set's dataset is used where there is one.

    Raises:
        UserError: the file cannot be read at all. Whatever is in it becomes findings.
    """
    return check_bytes(read_bytes(path, what="attribute set"), path, card)


def check_bytes(content: bytes, path: Path, card: Card | None = None) -> Report:
    """Check the content of a file; `path` is what messages call it."""
    text, findings = _decoded(content)
    try:
        located = attribute_set.parsed(text, path)
    except UserError as error:
        return Report(path, findings=[*findings, *_from(error, "json")])
    dataset = located.value.get("dataset") if isinstance(located.value, dict) else None
    card = card or _card_of(dataset)
    for wrong in attribute_set.validated(located, path)[1]:
        findings += _from(wrong, "schema")
    findings += against_card(located, card)
    lists, paths = readable(located)
    for item in check_lists(lists, card):
        assert item.position is not None
        findings.append(replace(item, line=located.line(paths[item.slot][item.position])))
    findings.sort(key=lambda item: item.line or 0)
    return Report(
        path=path,
        dataset=dataset if isinstance(dataset, str) else None,
        card=None if card is None else card.name,
        texts=sum(map(len, lists.values())),
        findings=findings,
    )


def _decoded(content: bytes) -> tuple[str, list[Finding]]:
    """The text, with a mark for every byte that is not UTF-8 and a finding for the first of them."""
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = f"not UTF-8 text (byte 0x{error.object[error.start]:02x}); save the file as UTF-8"
        return content.decode("utf-8-sig", "replace"), [finding("encoding", message, line=line)]


def _from(error: UserError, rule: str) -> Iterator[Finding]:
    for one in error.errors if isinstance(error, UserErrors) else [error]:
        message = f"{one.what}. {one.remedy}" if one.remedy else one.what
        yield finding(rule, message, class_name=one.class_name, line=one.line)


def _card_of(dataset: Any) -> Card | None:
    path = cards.shipped_cards().get(dataset) if isinstance(dataset, str) else None
    return None if path is None else cards.load(path)
