"""What a build did, list by list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from attrgen.core.errors import UserError
from attrgen.curation import provenance
from attrgen.curation.provenance import Filled
from attrgen.generation.text_list import FilledList, Rejected
from attrgen.llm.errors import Failed, Fatal
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot, with_texts

Outcome = FilledList | Failed | Fatal


@dataclass(frozen=True)
class Result:
    """What a build did.

    Attributes:
        attributes: the old set with the lists that could be filled; None where there is neither.
        failed: why each list that could not be filled failed.
        rejected: texts that failed the checks to the end and were left out.
        short: lists with fewer texts than were asked for, and how many are missing.
        stopped: what ended the build before its end: a fatal error or a limit.
        interrupted: Ctrl-C ended the build.
        from_cache: answers that the cache gave.
        conflicts: lists that were changed in the file during the build; they keep the changes of both.
    """

    attributes: AttributeSet | None
    filled: Mapping[Slot, Filled] = field(default_factory=dict)
    failed: Mapping[Slot, Failed] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()
    short: Mapping[Slot, int] = field(default_factory=dict)
    stopped: UserError | None = None
    interrupted: bool = False
    from_cache: int = 0
    conflicts: tuple[Slot, ...] = ()

    @property
    def complete(self) -> bool:
        """Nothing that was to be built is missing."""
        return not self.failed and self.stopped is None and not self.interrupted

    def count(self, source: str) -> int:
        """How many lists came from "llm" or "curated"."""
        return sum(filled.origin["source"] == source for filled in self.filled.values())


def result_of(
    outcomes: Mapping[Slot, Outcome],
    existing: AttributeSet | None,
    card: Card,
    *,
    interrupted: bool,
    from_cache: int,
) -> Result:
    """The result of a build from what became of each list."""
    lists = {slot: outcome for slot, outcome in outcomes.items() if isinstance(outcome, FilledList)}
    filled = {slot: item.filled for slot, item in lists.items()}
    return Result(
        attributes=with_filled(existing, card, filled) if filled else existing,
        filled=filled,
        failed={slot: outcome for slot, outcome in outcomes.items() if isinstance(outcome, Failed)},
        rejected=tuple(text for item in lists.values() for text in item.rejected),
        short={slot: item.missing for slot, item in lists.items() if item.missing > 0},
        stopped=next((outcome for outcome in outcomes.values() if isinstance(outcome, Fatal)), None),
        interrupted=interrupted,
        from_cache=from_cache,
    )


def with_filled(existing: AttributeSet | None, card: Card, filled: Mapping[Slot, Filled]) -> AttributeSet:
    """The set with those lists and their origin."""
    attributes = with_texts(existing, card, {slot: item.texts for slot, item in filled.items()})
    record = provenance.recorded(attributes, card, filled)
    return attributes.model_copy(update={"provenance": record})
