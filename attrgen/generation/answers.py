"""Answers to requests: from the cache, else from the LLM, whose answers go into the cache at once."""

from __future__ import annotations

from dataclasses import dataclass

from attrgen.llm.cache import About, Cache, CacheEntry
from attrgen.llm.client import Client
from attrgen.llm.errors import Failed
from attrgen.llm.request import Answer, Request
from attrgen.schema.plan import Slot


class NotCached(Failed):
    """The answer is not in the cache, and there is no LLM to ask."""


@dataclass(frozen=True)
class Answered:
    """An answer and its key in the cache."""

    key: str
    answer: Answer


class Answers:
    """Where a build has its answers from. Without a `client` that is the cache alone.

    Attributes:
        from_cache: how many answers the cache gave.
    """

    def __init__(self, dataset: str, cache: Cache, client: Client | None) -> None:
        self.from_cache = 0
        self._dataset = dataset
        self._cache = cache
        self._client = client

    def cached(self, request: Request) -> Answer | None:
        """The answer in the cache, or None."""
        return self._cache.answer(request)

    async def get(self, request: Request, slot: Slot, *, refresh: bool = False) -> Answered:
        """The answer to a request that is made for `slot`; with `refresh` the LLM is asked in any case.

        Raises:
            NotCached, Failed: this answer cannot be had.
            Fatal: no further answer can be had.
        """
        key = request.key()
        entry = None if refresh else self._cache.get(key)
        if entry is not None:
            self.from_cache += 1
            return Answered(key, entry.answer)
        if self._client is None:
            raise NotCached("it is neither in the cache nor in the curated library", code="answer-not-cached")
        answer = await self._client.ask(request, slot.kind, slot.class_name)
        about = About(
            dataset=self._dataset, class_name=slot.class_name, kind=slot.kind, confused=slot.confused
        )
        self._cache.put(CacheEntry(request=request, answer=answer, about=about))
        return Answered(key, answer)
