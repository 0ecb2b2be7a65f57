"""Requests for the lists of a set: pure functions of the card, the settings and the templates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attrgen.generation.settings import BuildSettings
from attrgen.llm.prompts import Prompts, variables
from attrgen.llm.request import ListFormat, Request
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot

CONFUSERS = "confusers"  # the template that asks for class names, and the kind of its slots
TEXTS_KEY = "attributes"  # the key under which an answer has its texts
NAMES_KEY = "classes"


@dataclass(frozen=True)
class Requests:
    """Makes the requests of one build."""

    card: Card
    settings: BuildSettings
    prompts: Prompts

    def texts(self, slot: Slot) -> Request:
        """The request for the texts of a list."""
        count = self.settings.candidates(slot.kind)
        values = variables(self.card, slot.kind, slot.class_name, count, slot.confused)
        return self._request(slot.kind, values, ListFormat(field=TEXTS_KEY, count=count))

    def confusers(self, class_name: str, count: int) -> Request:
        """The request for the names of the classes that a class is likeliest mistaken for."""
        values = variables(self.card, CONFUSERS, class_name, count)
        choices = tuple(values["other_classes"])
        return self._request(CONFUSERS, values, ListFormat(field=NAMES_KEY, count=count, choices=choices))

    def replacements(
        self,
        request: Request,
        answered: Sequence[str],
        bad: Sequence[tuple[str, Sequence[str]]],
        good: Sequence[str],
    ) -> Request:
        """The request for other texts in place of bad ones.

        Args:
            request, answered: the last request and the strings of its answer.
            bad: texts to be replaced, and the reasons against each.
            good: texts that stay.
        """
        values = {"bad": [{"text": text, "reasons": reasons} for text, reasons in bad], "good": list(good)}
        return request.followed_by(
            ("assistant", json.dumps({request.format.field: list(answered)}, ensure_ascii=False)),
            ("user", self.prompts["replace"].render(values)),
            count=len(bad),
        )

    def _request(self, kind: str, values: Mapping[str, object], form: ListFormat) -> Request:
        messages = self.prompts.messages(kind, values)
        extra = dict(self.settings.extra) if self.settings.extra else None
        return Request(
            model=self.settings.model,
            messages=messages,
            format=form,
            sampling=self.settings.sampling,
            extra=extra,
        )
