"""`attrgen build`: missing lists become requests, answers become texts, texts go into the set.

Every valid answer is put into the cache at once and the set is a pure function of the answers, so a build
that was killed continues where it was, and ends with the same set as one that was not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from attrgen.curation import provenance
from attrgen.curation.provenance import Filled
from attrgen.generation.answers import Answers, NotCached, Turns
from attrgen.generation.requests import CONFUSERS, Requests
from attrgen.generation.result import Outcome, Result, result_of
from attrgen.generation.runner import Progress, Runner
from attrgen.generation.settings import BuildSettings
from attrgen.generation.suitability import Suitability
from attrgen.generation.text_list import Ask, FilledList, generate
from attrgen.llm.cache import Cache
from attrgen.llm.client import Client
from attrgen.llm.errors import Failed, Fatal
from attrgen.llm.prompts import Prompts
from attrgen.llm.request import Request
from attrgen.schema import library
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.confusers import choose
from attrgen.schema.plan import Pairs, Slot, refreshed, slots, texts_of

_PREPARED = 8  # times the requests in flight; by the number that waits, the pace knows what it may risk


@dataclass(frozen=True)
class Planned:
    """One request that a build would make.

    Attributes:
        cached: the cache has its answer already.
        assumed: the LLM is still to name the other class; this request stands for one of that length.
    """

    slot: Slot
    request: Request
    cached: bool
    assumed: bool = False


@dataclass(frozen=True)
class Missing:
    """The lists to be filled; those in `fresh` are asked for again whatever the cache has."""

    slots: tuple[Slot, ...]
    fresh: frozenset[Slot]


def most_prepared(client: Client | None) -> int:
    """As many lists in progress as keep the client busy."""
    return 1 if client is None else _PREPARED * client.concurrency


class Builder:
    """Builds one set. Without a `client` it uses only the cache and the curated library.

    Args:
        progress: called with (lists done, lists in all) during the build.
        turns, suitability: shared by builders that work at the same time.
    """

    def __init__(
        self,
        card: Card,
        settings: BuildSettings,
        prompts: Prompts,
        cache: Cache,
        client: Client | None = None,
        *,
        progress: Progress = lambda done, total: None,
        turns: Turns | None = None,
        suitability: Suitability | None = None,
    ) -> None:
        self._card = card
        self._settings = settings
        self._requests = Requests(card, settings, prompts)
        self._answers = Answers(card.name, cache, client, turns or Turns())
        self._client = client
        self._progress = progress
        self._suitability = suitability or Suitability(settings.model)
        self._library = library.find(card) if client is None else None

    def build(self, existing: AttributeSet | None) -> Result:
        """Fill what is missing in `existing`.

        A list that cannot be had is reported in the result and the others are kept. After a fatal error, a
        spending limit or Ctrl-C the result says so and has what was done until then.

        Raises:
            UserError: `--refresh` or `--from-run` is wrong, or the provenance of `existing` is damaged.
        """
        return asyncio.run(self._alone(existing))

    async def _alone(self, existing: AttributeSet | None) -> Result:
        try:
            return await self.build_in(Runner(most_prepared(self._client)), existing)
        finally:
            if self._client is not None:
                await self._client.close()

    def plan(self, existing: AttributeSet | None) -> list[Planned]:
        """The first request of every missing list, without asking anybody.

        Where the LLM is still to name a class's confusers, other classes stand for them.
        """
        pairs, open_counts = self._pairs()
        planned = []
        for name, count in open_counts.items():
            request = self._requests.confusers(name, count)
            answer = self._answers.cached(request)
            if answer is None:
                planned.append(Planned(Slot(name, CONFUSERS), request, cached=False))
                planned += self._assumed(name, count)
            else:
                pairs[name] = answer.items
        missing = self._missing(existing, pairs)
        for slot in missing.slots:
            request = self._requests.texts(slot)
            cached = slot not in missing.fresh and self._answers.cached(request) is not None
            planned.append(Planned(slot, request, cached))
        return planned

    def _assumed(self, name: str, count: int) -> list[Planned]:
        others = [other for other in self._card.class_names if other != name][:count]
        pairs = [Slot(name, "confusion", other) for other in others]
        return [Planned(slot, self._requests.texts(slot), cached=False, assumed=True) for slot in pairs]

    async def build_in(self, runner: Runner, existing: AttributeSet | None) -> Result:
        """As `build`, in the event loop and with the jobs of `runner`; the client stays open."""
        if existing is not None:
            provenance.runs_of(existing)  # a damaged record is reported before anybody is asked
            self._suitability.proven()
        pairs, open_counts = self._pairs()
        named = await runner.run(
            {
                Slot(name, CONFUSERS): partial(self._named_confusers, name, count)
                for name, count in open_counts.items()
            }
        )
        outcomes: dict[Slot, Outcome] = {}
        for slot, names in named.items():
            if isinstance(names, (Failed, Fatal)):
                outcomes[slot] = names
            else:
                pairs[slot.class_name] = names
        missing = self._missing(existing, pairs)
        jobs = {slot: partial(self._fill, slot, slot in missing.fresh, existing) for slot in missing.slots}
        outcomes |= await runner.run(jobs, self._progress)
        return result_of(
            outcomes,
            existing,
            self._card,
            interrupted=runner.interrupted,
            from_cache=self._answers.from_cache,
        )

    def _pairs(self) -> tuple[dict[str, Sequence[str]], dict[str, int]]:
        """The confusers of each class where they are known, and how many to ask for where they are not."""
        if "confusion" not in self._settings.kinds:
            return {}, {}
        chosen: Mapping[str, tuple[str, ...] | int]
        chosen = choose(self._card, self._settings.confusers, self._settings.run)
        if self._library is not None and self._settings.confusers is None and self._settings.run is None:
            # Offline nobody can be asked for more pairs than the library has.
            chosen = {name: self._library_pairs(name) or chosen[name] for name in chosen}
        known = {name: names for name, names in chosen.items() if not isinstance(names, int)}
        return dict(known), {name: count for name, count in chosen.items() if isinstance(count, int)}

    def _library_pairs(self, name: str) -> tuple[str, ...]:
        others = [other for other in (*self._card.class_names, "other") if other != name]
        return tuple(
            other for other in others if texts_of(self._library, self._card, Slot(name, "confusion", other))
        )

    def _missing(self, existing: AttributeSet | None, pairs: Pairs) -> Missing:
        complete = slots(self._card, self._settings.kinds, pairs)
        fresh = refreshed(self._card, complete, self._settings.refresh)
        short = self._short(existing)
        missing = [
            slot
            for slot in complete
            if slot in fresh or slot in short or texts_of(existing, self._card, slot) is None
        ]
        return Missing(tuple(missing), frozenset(fresh))

    def _short(self, existing: AttributeSet | None) -> dict[Slot, list[str]]:
        """The lists that the LLM can complete, because fewer texts came than were asked for."""
        return {} if existing is None or self._client is None else provenance.short_lists(existing)

    async def _named_confusers(self, name: str, count: int) -> tuple[str, ...]:
        request = self._requests.confusers(name, count)
        return (await self._answers.get(request, Slot(name, CONFUSERS))).answer.items

    async def _fill(self, slot: Slot, refresh: bool, existing: AttributeSet | None) -> FilledList:
        """A list from the cache or the LLM; without an LLM, else from the curated library."""
        try:
            enough = self._settings.counts[slot.kind] if self._settings.over_generate > 1 else None
            ask = partial(self._answers.get, slot=slot, refresh=refresh, enough=enough)
            filled = await self._generated(slot, ask)
            old = None if refresh else texts_of(existing, self._card, slot)
            return filled if old is None else filled.after(old, self._short(existing)[slot])
        except Failed:
            copied = None if self._client is not None else self._from_library(slot)
            if copied is None:
                raise
            return FilledList(copied)

    async def _generated(self, slot: Slot, ask: Ask) -> FilledList:
        try:
            filled = await generate(slot, self._requests, ask)
        except NotCached:
            raise
        except Failed as error:
            unsuitable = self._suitability.failed(error)
            if unsuitable is None or self._client is None:
                raise
            self._client.stop(unsuitable)
            raise unsuitable from error
        if 2 * filled.missing <= self._settings.counts[slot.kind]:
            self._suitability.proven()
        return filled

    def _from_library(self, slot: Slot) -> Filled | None:
        texts = texts_of(self._library, self._card, slot)
        if texts is None or self._library is None:
            return None
        record = self._library.provenance
        credit = {name: record[name] for name in provenance.CREDITS if name in record}
        return Filled(tuple(texts), {"source": "curated", "library": self._library.id, **credit})
