"""`attrgen build`: what is missing becomes requests, answers become texts, texts go into the set.

Every valid answer is put into the cache at once and the set is a pure function of the answers, so a build
that was killed goes on where it was, and ends with the same set as one that was not.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.curation import provenance
from attrgen.curation.provenance import Filled
from attrgen.generation.judge import defects
from attrgen.llm.cache import About, Cache, CacheEntry
from attrgen.llm.client import Client
from attrgen.llm.errors import Failed, Fatal
from attrgen.llm.prompts import Prompts, variables
from attrgen.llm.request import Answer, ListFormat, Request, Sampling, Usage
from attrgen.llm.spending import SpendingLimit
from attrgen.schema import library
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.confusers import Limit, choose
from attrgen.schema.plan import (
    DEFAULT_COUNTS,
    DEFAULT_KINDS,
    Pairs,
    Slot,
    refreshed,
    slots,
    texts_of,
    with_texts,
)

CONFUSERS = "confusers"


class NotCached(Exception):
    """An answer that is not in the cache while nobody may be asked."""


@dataclass(frozen=True)
class Wish:
    """What is to be built.

    Args:
        counts: texts a list, by kind.
        confusers, run: see `attrgen.schema.confusers.choose`.
        refresh: `CLASS[/KIND[/CONFUSED]]`, lists to ask anew.
        rounds: times that texts failing the error-level checks are sent back for others.
    """

    model: str
    sampling: Sampling = field(default_factory=Sampling)
    kinds: Sequence[str] = DEFAULT_KINDS
    counts: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_COUNTS))
    confusers: Limit = None
    run: Path | None = None
    refresh: Sequence[str] = ()
    rounds: int = 2


@dataclass
class Result:
    """What a build did. `attributes` is the old set with what could be filled."""

    attributes: AttributeSet | None
    filled: dict[Slot, Filled] = field(default_factory=dict)
    failed: dict[Slot, str] = field(default_factory=dict)
    rejected: list[tuple[Slot, str, list[str]]] = field(default_factory=list)
    stopped: str | None = None
    fatal: UserError | None = None
    interrupted: bool = False
    cached: int = 0

    def count(self, source: str) -> int:
        """How many lists came from "llm" or "curated"."""
        return sum(filled.origin["source"] == source for filled in self.filled.values())


@dataclass(frozen=True)
class Planned:
    """One request to come, and whether the cache has its answer already."""

    slot: Slot
    request: Request
    cached: bool


class Builder:
    """Builds one set. Without a `client` it uses only the cache and the curated library.

    Args:
        progress: called with (lists done, lists in all) as the build goes on.
    """

    def __init__(
        self,
        card: Card,
        wish: Wish,
        prompts: Prompts,
        cache: Cache,
        client: Client | None = None,
        *,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._card = card
        self._wish = wish
        self._prompts = prompts
        self._cache = cache
        self._client = client
        self._progress = progress
        self._result = Result(None)
        self._fresh: set[Slot] = set()
        self._library = library.find(card) if client is None else None

    def build(self, existing: AttributeSet | None) -> Result:
        """Fill what is missing in `existing`.

        A list that cannot be had is reported in the result and the others are kept. After a fatal error, a
        spending limit or Ctrl-C the result says so and holds what was done until then.

        Raises:
            UserError: `--refresh` or `--from-run` is wrong, or the provenance of `existing` is damaged.
        """
        self._result = Result(existing)
        if existing is not None:
            provenance.runs_of(existing)
        asyncio.run(self._build(existing))
        result = self._result
        if result.filled:
            texts = {slot: filled.texts for slot, filled in result.filled.items()}
            attributes = with_texts(existing, self._card, texts)
            record = provenance.recorded(attributes, self._card, result.filled)
            result.attributes = attributes.model_copy(update={"provenance": record})
        return result

    def plan(self, existing: AttributeSet | None) -> list[Planned]:
        """The first request of every missing list, without asking anybody.

        Where the LLM is still to name a class's confusers, that request stands in place of the pairs.
        """
        pairs: dict[str, Sequence[str]] = {}
        planned = []
        for name, chosen in self._chosen().items():
            if isinstance(chosen, int):
                request = self._confusers_request(name, chosen)
                answer = self._cache.answer(request)
                pairs[name] = () if answer is None else answer.items
                if answer is None:
                    planned.append(Planned(Slot(name, CONFUSERS), request, False))
            else:
                pairs[name] = chosen
        for slot in self._missing(existing, pairs):
            request = self._request(slot)
            cached = slot not in self._fresh and self._cache.answer(request) is not None
            planned.append(Planned(slot, request, cached))
        return planned

    async def _build(self, existing: AttributeSet | None) -> None:
        tasks: set[asyncio.Task[None]] = set()
        # Not all at once, or the first request would only be sent when the last has been prepared.
        gate = asyncio.Semaphore(1 if self._client is None else 2 * self._client.concurrency)

        async def gated(job: Callable[[], Awaitable[None]]) -> None:
            async with gate:
                await job()

        def interrupt() -> None:
            self._result.interrupted = True
            for task in tasks:
                task.cancel()

        async def all_of(jobs: Iterable[Callable[[], Awaitable[None]]]) -> None:
            tasks.clear()
            tasks.update(asyncio.create_task(gated(job)) for job in jobs)
            if self._result.interrupted:
                interrupt()
            await asyncio.gather(*tasks, return_exceptions=True)
            for task in tasks:
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error

        with suppress(NotImplementedError, RuntimeError, ValueError):  # not in every thread, not on Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
        try:
            pairs: dict[str, Sequence[str]] = {}
            chosen = self._chosen()
            await all_of(partial(self._name_confusers, name, pairs, some) for name, some in chosen.items())
            first = [Slot(name, CONFUSERS) for name in chosen]
            missing = self._missing(existing, pairs)
            self._progress(0, len(missing))
            await all_of(partial(self._fill, slot, len(missing)) for slot in missing)
        finally:
            if self._client is not None:
                await self._client.close()
        result = self._result
        result.filled = {slot: result.filled[slot] for slot in missing if slot in result.filled}
        result.failed = {slot: result.failed[slot] for slot in (*first, *missing) if slot in result.failed}
        result.rejected.sort(key=lambda item: (missing.index(item[0]), item[1]))

    def _chosen(self) -> Mapping[str, tuple[str, ...] | int]:
        if "confusion" not in self._wish.kinds:
            return {}
        chosen = choose(self._card, self._wish.confusers, self._wish.run)
        if self._library is None or self._wish.confusers is not None or self._wish.run is not None:
            return chosen
        # Offline nobody can be asked for more pairs than the library has.
        return {name: self._library_pairs(name) or chosen[name] for name in chosen}

    def _library_pairs(self, name: str) -> tuple[str, ...]:
        every = [other for other in (*self._card.class_names, "other") if other != name]
        return tuple(o for o in every if texts_of(self._library, self._card, Slot(name, "confusion", o)))

    def _missing(self, existing: AttributeSet | None, pairs: Pairs) -> list[Slot]:
        wanted = slots(self._card, self._wish.kinds, pairs)
        self._fresh = refreshed(self._card, wanted, self._wish.refresh)
        return [
            slot for slot in wanted if slot in self._fresh or texts_of(existing, self._card, slot) is None
        ]

    async def _name_confusers(
        self, name: str, pairs: dict[str, Sequence[str]], chosen: tuple[str, ...] | int
    ) -> None:
        slot = Slot(name, CONFUSERS)
        if not isinstance(chosen, int):
            pairs[name] = chosen
            return
        with self._outcome(slot):
            _, answer = await self._answer(self._confusers_request(name, chosen), slot)
            pairs[name] = answer.items

    async def _fill(self, slot: Slot, total: int) -> None:
        with self._outcome(slot):
            try:
                self._result.filled[slot] = await self._generate(slot)
            except NotCached:
                texts = texts_of(self._library, self._card, slot)
                if texts is None or self._library is None:
                    raise
                origin = {"source": "curated", "library": self._library.id}
                by_whom = self._library.provenance
                origin |= {name: by_whom[name] for name in provenance.CREDITS if name in by_whom}
                self._result.filled[slot] = Filled(tuple(texts), origin)
        result = self._result
        self._progress(len(result.filled) + len(result.failed), total)

    async def _generate(self, slot: Slot) -> Filled:
        """Ask for a list; send back what the checks find, a bounded number of times; keep the good."""
        request = self._request(slot)
        texts: list[str] = [""] * request.format.count
        places = list(range(len(texts)))
        answers: list[tuple[str, Answer]] = []
        bad: dict[int, list[str]] = {}
        for turn in range(self._wish.rounds + 1):
            try:
                key, answer = await self._answer(request, slot)
            except (Failed, NotCached):
                if not answers:
                    raise
                break
            answers.append((key, answer))
            for place, text in zip(places, answer.items, strict=True):
                texts[place] = text
            bad = defects(texts, slot, self._card)
            if not bad or turn == self._wish.rounds:
                break
            places = sorted(bad)
            request = request.followed_by(
                ("assistant", json.dumps({request.format.field: list(answer.items)}, ensure_ascii=False)),
                ("user", self._prompts["replace"].render(_replace_variables(texts, bad))),
                count=len(places),
            )
        self._result.rejected += [(slot, texts[place], bad[place]) for place in sorted(bad)]
        good = tuple(text for place, text in enumerate(texts) if place not in bad)
        if not good:
            raise Failed("none of its texts passes the checks")
        return Filled(
            good,
            origin={
                "source": "llm",
                "date": max(answer.date for _, answer in answers),
                "model": self._wish.model,
                "resolved_model": answers[-1][1].resolved_model,
                "sampling": self._wish.sampling.given(),
            },
            prompts={
                name: {"version": self._prompts[name].version, "sha256": self._prompts[name].sha256}
                for name in ("system", slot.kind)
            },
            usage=sum((answer.usage for _, answer in answers), Usage()),
            answers=tuple(key for key, _ in answers),
        )

    async def _answer(self, request: Request, slot: Slot) -> tuple[str, Answer]:
        """The answer with its key in the cache."""
        key = request.key()
        found = None if slot in self._fresh else self._cache.get(key)
        if found is not None:
            self._result.cached += 1
            return key, found.answer
        if self._client is None:
            raise NotCached("it is neither in the cache nor in the curated library")
        answer = await self._client.ask(request, slot.kind, slot.class_name)
        about = About(
            dataset=self._card.name, class_name=slot.class_name, kind=slot.kind, confused=slot.confused
        )
        self._cache.put(CacheEntry(request=request, answer=answer, about=about))
        return key, answer

    def _request(self, slot: Slot) -> Request:
        count = self._wish.counts[slot.kind]
        values = variables(self._card, slot.kind, slot.class_name, count, slot.confused)
        form = ListFormat(field="attributes", count=count)
        messages = self._prompts.messages(slot.kind, values)
        return Request(model=self._wish.model, messages=messages, format=form, sampling=self._wish.sampling)

    def _confusers_request(self, name: str, count: int) -> Request:
        values = variables(self._card, CONFUSERS, name, count)
        form = ListFormat(field="classes", count=count, choices=tuple(values["other_classes"]))
        messages = self._prompts.messages(CONFUSERS, values)
        return Request(model=self._wish.model, messages=messages, format=form, sampling=self._wish.sampling)

    def _outcome(self, slot: Slot) -> _Outcome:
        return _Outcome(self._result, slot)


class _Outcome:
    """Within the block: what goes wrong with one slot is noted in the result instead of raised."""

    def __init__(self, result: Result, slot: Slot) -> None:
        self._result = result
        self._slot = slot

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, (Failed, NotCached)):
            self._result.failed[self._slot] = str(error)
        elif isinstance(error, SpendingLimit):
            self._result.stopped = str(error)
        elif isinstance(error, Fatal):
            self._result.fatal = error
        else:
            return False
        return True


def _replace_variables(texts: Sequence[str], bad: Mapping[int, list[str]]) -> dict[str, object]:
    return {
        "bad": [{"text": texts[place], "reasons": bad[place]} for place in sorted(bad)],
        "good": [text for place, text in enumerate(texts) if place not in bad],
    }
