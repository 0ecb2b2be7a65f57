"""One list of texts by the LLM: ask, check, send back what fails the checks, keep the good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from attrgen.curation.provenance import Filled
from attrgen.generation.answers import Answered
from attrgen.generation.defects import defects_of
from attrgen.generation.requests import Requests
from attrgen.llm.errors import Failed
from attrgen.llm.request import Request, Usage
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot

Ask = Callable[[Request], Awaitable[Answered]]


@dataclass(frozen=True)
class Rejected:
    """A text that failed the checks to the end and was left out."""

    slot: Slot
    text: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class FilledList:
    """The good texts of a list with their origin, and the texts that were left out."""

    filled: Filled
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True)
class _Draft:
    """A list after some answers. `defects` has the reasons against each bad text, by its position."""

    texts: tuple[str, ...]
    defects: Mapping[int, list[str]]
    answers: tuple[Answered, ...]

    @classmethod
    def of(cls, answered: Answered, slot: Slot, card: Card) -> _Draft:
        """The list as it was first answered."""
        texts = answered.answer.items
        return cls(texts, defects_of(texts, slot, card), (answered,))

    def replaced(self, answered: Answered, slot: Slot, card: Card) -> _Draft:
        """The list with its bad texts replaced by the strings of an answer, in order."""
        new = dict(zip(sorted(self.defects), answered.answer.items, strict=True))
        texts = tuple(new.get(position, text) for position, text in enumerate(self.texts))
        return _Draft(texts, defects_of(texts, slot, card), (*self.answers, answered))


async def generate(slot: Slot, requests: Requests, ask: Ask) -> FilledList:
    """Ask for a list; texts that fail the checks are sent back, `rounds` times at most.

    Raises:
        Failed: there is no answer, or none of its texts passes the checks.
    """
    request = requests.texts(slot)
    draft = _Draft.of(await ask(request), slot, requests.card)
    for _ in range(requests.settings.rounds):
        if not draft.defects:
            break
        request = requests.replacements(request, draft.answers[-1].answer.items, draft.texts, draft.defects)
        try:
            answered = await ask(request)
        except Failed:
            break  # the good texts are worth keeping
        draft = draft.replaced(answered, slot, requests.card)
    good = tuple(text for position, text in enumerate(draft.texts) if position not in draft.defects)
    if not good:
        raise Failed("none of its texts passes the checks", code="answer-fails-checks")
    rejected = tuple(
        Rejected(slot, draft.texts[position], tuple(reasons))
        for position, reasons in sorted(draft.defects.items())
    )
    return FilledList(_filled(good, slot, requests, draft.answers), rejected)


def _filled(texts: tuple[str, ...], slot: Slot, requests: Requests, answers: tuple[Answered, ...]) -> Filled:
    """The texts with what the set's provenance records of them."""
    prompts = {name: requests.prompts[name] for name in ("system", slot.kind)}
    return Filled(
        texts,
        origin={
            "source": "llm",
            "date": max(item.answer.date for item in answers),
            "model": requests.settings.model,
            "resolved_model": answers[-1].answer.resolved_model,
            "sampling": requests.settings.sampling.given(),
        },
        prompts={
            name: {"version": prompt.version, "sha256": prompt.sha256} for name, prompt in prompts.items()
        },
        usage=sum((item.answer.usage for item in answers), Usage()),
        answers=tuple(item.key for item in answers),
    )
