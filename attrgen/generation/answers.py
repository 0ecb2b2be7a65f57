"""Answers to requests: from the cache, else from the LLM, whose answers go into the cache at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from weakref import WeakValueDictionary

from attrgen.checks.cleaning import clean
from attrgen.core.errors import UserError
from attrgen.llm.cache import About, Cache, CacheEntry
from attrgen.llm.client import Client
from attrgen.llm.errors import Failed, Fatal
from attrgen.llm.request import Answer, Request
from attrgen.schema.attribute_set import KINDS
from attrgen.schema.plan import Slot


class NotCached(Failed):
    """The answer is not in the cache, and there is no LLM to ask."""


@dataclass(frozen=True)
class Answered:
    """An answer, its key in the cache, and whether the LLM gave it just now."""

    key: str
    answer: Answer
    fresh: bool


class Turns:
    """Equal requests of several sets one after the other, so that the cache answers all but the first."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, request: Request) -> asyncio.Lock:
        """The lock that is held while this request is answered."""
        return self._locks.setdefault(request.key(), asyncio.Lock())


class Answers:
    """Where a build has its answers from. Without a `client` that is the cache alone.

    Args:
        turns: shared by builds that run at the same time.

    Attributes:
        from_cache: how many answers the cache gave.
    """

    def __init__(self, dataset: str, cache: Cache, client: Client | None, turns: Turns) -> None:
        self.from_cache = 0
        self._turns = turns
        self._dataset = dataset
        self._cache = cache
        self._client = client

    def cached(self, request: Request) -> Answer | None:
        """The answer in the cache, or None."""
        return self._cache.answer(self._addressed(request))

    async def get(
        self, request: Request, slot: Slot, *, refresh: bool = False, enough: int | None = None
    ) -> Answered:
        """The answer to a request that is made for `slot`; with `refresh` the LLM is asked in any case.

        An answer in the cache that has fewer than `enough` texts (by default: than were asked for) is
        completed by the LLM where there is one.

        Raises:
            NotCached, Failed: this answer cannot be had.
            Fatal: no further answer can be had.
        """
        request = self._addressed(request)
        async with self._turns.of(request):
            return await self._answered(request, slot, refresh, enough)

    async def _answered(self, request: Request, slot: Slot, refresh: bool, enough: int | None) -> Answered:
        match = None if refresh else self._cache.lookup(request)
        known: tuple[str, ...] = ()
        if match is not None:
            key, entry = match
            short = entry.answer.incomplete and len(entry.answer.items) < (enough or request.format.count)
            if self._client is None or not short:
                self.from_cache += 1
                return Answered(key, _cleaned(entry.answer, slot), fresh=False)
            known = entry.answer.items
        if self._client is None:
            raise NotCached("it is neither in the cache nor in the curated library", code="answer-not-cached")
        try:
            answer = await self._client.ask(request, slot.kind, slot.class_name, known, enough)
        except Failed:
            if match is None:
                raise
            return Answered(match[0], _cleaned(match[1].answer, slot), fresh=False)
        about = About(
            dataset=self._dataset, class_name=slot.class_name, kind=slot.kind, confused=slot.confused
        )
        key = self._put(self._client, CacheEntry(request=request, answer=answer, about=about))
        return Answered(key, _cleaned(answer, slot), fresh=True)

    def _put(self, client: Client, entry: CacheEntry) -> str:
        try:
            return self._cache.put(entry)
        except UserError as error:
            # Answers that cannot be saved are paid for in vain.
            full = Fatal(error.what, code=error.code, file=error.file, remedy=error.remedy)
            client.stop(full)
            raise full from error

    def _addressed(self, request: Request) -> Request:
        """The request with the server that is asked."""
        if self._client is None:
            return request
        return request.model_copy(update={"server": self._client.server.id})


def _cleaned(answer: Answer, slot: Slot) -> Answer:
    """The answer without what stands around its texts; names of classes stay as they are."""
    items = tuple(clean(text) or text for text in answer.items)
    if slot.kind not in KINDS or items == answer.items:
        return answer
    return answer.model_copy(update={"items": items})
