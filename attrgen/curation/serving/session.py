"""An edit of a set in the browser: every change goes into a draft file; no save overwrites another change.

The draft is `NAME.draft.json` beside the set. It is written after every change and removed when its texts are
in the set, so that a crash of the browser, the program or the machine loses nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import model_validator

from attrgen.checks import check_lists
from attrgen.core.errors import UserError
from attrgen.core.files import read_bytes, write_text
from attrgen.core.validation import Strict, read_json, validate
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import card_of


class TextList(Strict):
    """One list of a set: class, kind, confused class (confusion only) and texts; empty texts do not count."""

    class_name: str
    kind: str
    confused: str | None = None
    texts: list[str]

    @model_validator(mode="after")
    def _confused_fits(self) -> TextList:
        if (self.confused is not None) != (self.kind == "confusion"):
            raise ValueError("a confused class belongs to the kind confusion, and to no other")
        return self

    @property
    def slot(self) -> Slot:
        """Where it belongs."""
        return Slot(self.class_name, self.kind, self.confused)

    @property
    def kept(self) -> list[str]:
        """The texts that are saved: as they are, without the empty ones."""
        return [text for text in self.texts if text.strip()]


class Draft(Strict):
    """What a browser sends, and what the draft file holds; `based_on` is the SHA-256 of the set's file."""

    based_on: str
    lists: list[TextList]


@dataclass
class Session:
    """The edit of one file.

    Attributes:
        card: of the set, for the checks; None where it is not known.
        based_on: the SHA-256 of the file when it was read or saved last.
    """

    path: Path
    card: Card | None
    attributes: AttributeSet
    based_on: str

    @classmethod
    def open(cls, path: Path, card: Card | None = None) -> Session:
        """Start, or continue, the edit of a set.

        Raises:
            UserError: it is not there or not valid.
        """
        attributes = attribute_set.load(path)
        return cls(path, card or card_of(attributes), attributes, _digest(path))

    @property
    def draft(self) -> Path:
        """The file that keeps what is not saved."""
        return self.path.with_name(f"{self.path.stem}.draft.json")

    def state(self) -> dict[str, Any]:
        """What the page shows: the lists, their findings, and whether they are from a draft.

        Raises:
            UserError: there is a draft that cannot be read.
        """
        lists, is_draft = self._lists()
        return {
            "file": self.path.name,
            "dataset": self.attributes.dataset,
            "based_on": self.based_on,
            "draft": is_draft,
            "lists": [one.model_dump() for one in lists],
            "findings": self.findings(lists),
        }

    def _lists(self) -> tuple[list[TextList], bool]:
        if self.draft.is_file():
            remedy = f"Correct it, or delete it to start from {self.path.name}."
            draft = read_json(Draft, self.draft, what="draft", code="serve-draft", remedy=remedy)
            return draft.lists, True
        slots: dict[Slot, list[str]] = {}
        for entry in self.attributes.entries():
            slots.setdefault(Slot(entry.class_name, entry.kind, entry.confused), []).append(entry.text)
        lists = [
            TextList(class_name=slot.class_name, kind=slot.kind, confused=slot.confused, texts=texts)
            for slot, texts in slots.items()
        ]
        return lists, False

    def keep(self, value: Any) -> list[dict[str, Any]]:
        """Write the draft; the findings of its texts.

        Raises:
            UserError: it is no draft, or it cannot be written.
        """
        draft = validate(Draft, value, what="edit", code="serve-draft")
        write_text(self.draft, json.dumps(draft.model_dump(), indent=1, ensure_ascii=False) + "\n")
        return self.findings(draft.lists)

    def save(self, value: Any) -> str:
        """Write the set and remove the draft; the set's id.

        Raises:
            UserError: the file was changed meanwhile, a class would have no text, or it cannot be written.
        """
        self.keep(value)
        draft = validate(Draft, value, what="edit", code="serve-draft")
        if draft.based_on != self.based_on or _digest(self.path) != self.based_on:
            raise UserError(
                "the file was changed meanwhile, so nothing was saved",
                code="serve-changed-meanwhile",
                file=self.path,
                remedy=f"Your texts are kept in {self.draft.name}. Reload the page to continue with them.",
            )
        self.attributes = self._edited(draft.lists)
        attribute_set.save(self.attributes, self.path)
        self.based_on = _digest(self.path)
        self.draft.unlink(missing_ok=True)
        return self.attributes.id

    def reload(self) -> None:
        """Take the file as it is now as what is edited; a draft stays."""
        self.attributes = attribute_set.load(self.path)
        self.based_on = _digest(self.path)

    def _edited(self, lists: Sequence[TextList]) -> AttributeSet:
        classes: dict[str, dict[str, Any]] = {name: {} for name in self.attributes.classes}
        for one in lists:
            if not one.kept:
                continue
            values = classes.setdefault(one.class_name, {})
            if one.confused is None:
                values[one.kind] = one.kept
            else:
                values.setdefault(one.kind, {})[one.confused] = one.kept
        value = {**self.attributes.model_dump(exclude_none=True), "classes": classes}
        return validate(AttributeSet, value, what="attribute set", code="set", file=self.path, strict=True)

    def findings(self, lists: Sequence[TextList]) -> list[dict[str, Any]]:
        """What the checks report: list (by number), position among its texts, level and message."""
        numbers = {one.slot: number for number, one in enumerate(lists)}
        positions = {one.slot: [at for at, text in enumerate(one.texts) if text.strip()] for one in lists}
        texts = {one.slot: one.kept for one in lists if one.kept}
        return [
            {
                "list": numbers[item.slot],
                "text": positions[item.slot][item.position],
                "level": item.level,
                "message": item.message,
            }
            for item in check_lists(texts, self.card)
            if item.position is not None
        ]


def _digest(path: Path) -> str:
    return hashlib.sha256(read_bytes(path, what="attribute set")).hexdigest()
