"""One list of texts by the LLM: ask, check, send back what fails the checks, keep the good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from attrgen.curation.provenance import SERVER_DEFAULT, Filled, digest
from attrgen.generation.answers import Answered
from attrgen.generation.defects import best_of, defects_of
from attrgen.generation.requests import Requests
from attrgen.llm.errors import Failed
from attrgen.llm.request import Origin, Request, Sampling, Usage
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
    """The good texts of a list with their origin, the texts that were left out, and how many are missing."""

    filled: Filled
    rejected: tuple[Rejected, ...] = ()
    missing: int = 0

    def after(self, old: Sequence[str], came: Sequence[str]) -> FilledList:
        """The texts that a set has, as a person left them, followed by as many new ones as were missing.

        Args:
            old: the texts in the set.
            came: the digests of the texts that were generated before.
        """
        asked = self.filled.asked or 0
        new = [text for text in self.filled.texts if digest(text) not in came and text not in old]
        new = new[: max(0, asked - len(came))]
        generated = [text for text in self.filled.texts if digest(text) in came or text in new]
        filled = replace(self.filled, texts=(*old, *new), generated=tuple(generated))
        return replace(self, filled=filled, missing=max(0, asked - len(generated)))


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

    @property
    def good(self) -> tuple[str, ...]:
        """The texts without defects."""
        return tuple(text for position, text in enumerate(self.texts) if position not in self.defects)

    def bad(self, most: int) -> dict[int, list[str]]:
        """The first so many bad texts: their positions and the reasons."""
        return dict(sorted(self.defects.items())[:most])

    def replaced(self, bad: Iterable[int], answered: Answered, slot: Slot, card: Card) -> _Draft:
        """The list with the texts at some positions replaced by the strings of an answer, in order."""
        new = dict(zip(bad, answered.answer.items, strict=False))
        texts = tuple(new.get(position, text) for position, text in enumerate(self.texts))
        return _Draft(texts, defects_of(texts, slot, card), (*self.answers, answered))


async def generate(slot: Slot, requests: Requests, ask: Ask) -> FilledList:
    """Ask for a list; texts that fail the checks are sent back with the reasons.

    The LLM is asked for replacements `rounds` times at most; replacements in the cache do not count, so that
    the same build, run again, does not stop where it stopped before.

    Raises:
        Failed: there is no answer, or none of its texts passes the checks.
    """
    request = requests.texts(slot)
    wanted = requests.settings.counts[slot.kind]
    draft = _Draft.of(await ask(request), slot, requests.card)
    rounds = 0
    while draft.defects and len(draft.good) < wanted and rounds < requests.settings.rounds:
        bad = draft.bad(wanted - len(draft.good))
        pairs = [(draft.texts[position], reasons) for position, reasons in bad.items()]
        request = requests.replacements(request, draft.answers[-1].answer.items, pairs, draft.good)
        try:
            answered = await ask(request)
        except Failed:
            break  # the good texts are worth keeping
        rounds += answered.fresh
        draft = draft.replaced(bad, answered, slot, requests.card)
    good = best_of(draft.good, wanted, slot, requests.card)
    if not good:
        position, reasons = min(draft.defects.items())
        why = "; ".join(reasons)
        raise Failed(
            f"none of its texts passes the checks ('{draft.texts[position][:80]}': {why})",
            code="answer-fails-checks",
            remedy=f"Run the same again to ask for others, start afresh with --refresh '{slot}', "
            "choose another --model, or, where the curated library has the list, copy it with --offline.",
        )
    missing = wanted - len(good)
    rejected = tuple(
        Rejected(slot, draft.texts[position], tuple(reasons))
        for position, reasons in draft.bad(missing).items()
    )
    return FilledList(_filled(good, slot, requests, draft), rejected, missing)


def _filled(texts: tuple[str, ...], slot: Slot, requests: Requests, draft: _Draft) -> Filled:
    """The texts with what the set's provenance records of them."""
    answers = draft.answers
    prompts = {name: requests.prompts[name] for name in ("system", slot.kind)}
    versions = {
        name: {"version": prompt.version, "sha256": prompt.sha256} for name, prompt in prompts.items()
    }
    last = answers[-1].answer
    sampling: dict[str, object] = dict(requests.settings.sampling.given())
    origin: dict[str, object] = {
        "source": "llm",
        "date": max(item.answer.date for item in answers),
        "model": requests.settings.model,
        "resolved_model": last.resolved_model,
    }
    if last.origin is not None:  # answers of older versions do not say
        origin |= {"server": last.origin.server, "structured": last.origin.structured}
        if last.origin.fingerprint is not None:
            origin["system_fingerprint"] = last.origin.fingerprint
        sampling = _sampling(sampling, last.origin)
        form = requests.prompts["answer_format"]
        version = {"version": form.version} if form.sha256 == last.origin.answer_format else {}
        origin["answer_format"] = {**version, "sha256": last.origin.answer_format}
    if requests.settings.over_generate > 1:
        origin["over_generate"] = requests.settings.over_generate
    if requests.settings.extra:
        origin["extra_body"] = dict(requests.settings.extra)
    return Filled(
        texts,
        origin={**origin, "sampling": sampling},
        prompts=versions,
        usage=sum((item.answer.usage for item in answers), Usage()),
        answers=tuple(item.key for item in answers),
        asked=requests.settings.counts[slot.kind],
    )


def _sampling(given: dict[str, object], origin: Origin) -> dict[str, object]:
    """The sampling parameters as they were in effect; those of the server are named as such."""
    sent = {name: value for name, value in given.items() if name not in (origin.left_out or ())}
    if origin.answer_tokens is not None:
        sent["max_tokens"] = origin.answer_tokens
    return {name: sent.get(name, SERVER_DEFAULT) for name in Sampling.model_fields}
