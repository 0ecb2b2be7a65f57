"""Where the texts of a set come from: written by `attrgen build`, read by `status` and `cite`.

`AttributeSet.provenance` is a JSON object::

    {
      "source": "llm",                       "llm", "curated", "imported", "hand", or "mixed" of several
      "runs": [
        {
          "source": "llm",
          "date": "2026-11-24",              UTC day of the answers
          "model": "…", "resolved_model": "…",
          "sampling": {"temperature": 0.7},  what was sent; nothing else was
          "prompts": {"system": {"version": 1, "sha256": "…"}, "descriptive": {…}},
          "usage": {"prompt_tokens": 812, "completion_tokens": 403},   of the answers used
          "generated": {
            "kidney cyst": {
              "descriptive": {"answers": "KEY KEY", "texts": "1a2b3c4d 5e6f7a8b …"},
              "confusion": {"kidney tumor": {"answers": "KEY", "texts": "…"}}
            }
          }
        }
      ]
    }

`answers` are keys of the cache (the first answer, then replacements of texts that failed the checks), `texts`
the first 8 digits of each generated text's SHA-256 in order. So whoever has the cache knows every text as
generated, and whoever has only the file knows still which of its texts are untouched. A run with the source
"curated" has `library`, the id of the library's set, in place of a model, and no `answers`. Usage leaves out
failed attempts, which the summary of a build counts: a set is the same however often the network failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from attrgen import attribute_set
from attrgen.attribute_set import AttributeSet
from attrgen.cache import Cache
from attrgen.card import Card
from attrgen.library import path_of
from attrgen.llm.request import Usage
from attrgen.plan import Slot, slots


@dataclass(frozen=True)
class Filled:
    """The texts of one slot and where they come from.

    `origin` are the fields of the run they belong to that do not differ between its slots.
    """

    texts: tuple[str, ...]
    origin: Mapping[str, Any]
    prompts: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    answers: tuple[str, ...] = ()


def recorded(attributes: AttributeSet, card: Card, filled: Mapping[Slot, Filled]) -> dict[str, Any]:
    """The set's provenance after those slots were filled; it does not depend on the order of `filled`."""
    old = attributes.provenance
    runs = [_without(run, set(filled)) for run in old.get("runs", [])]
    runs = [run for run in runs if run["generated"]]
    for slot in _in_order(card, filled):
        _add(runs, slot, filled[slot])
    for run in runs:
        run["generated"] = _nested(dict(_ordered(card, _slots(run["generated"]))))
    sources = {str(run["source"]) for run in runs}
    covered = {slot for run in runs for slot, _ in _slots(run["generated"])}
    if any(Slot(e.class_name, e.kind, e.confused) not in covered for e in attributes.entries()):
        sources |= {str(old.get("source", "hand"))}
    source = sources.pop() if len(sources) == 1 else "mixed"
    return {**old, "source": source, "runs": runs}


def generated_texts(attributes: AttributeSet, cache: Cache) -> dict[Slot, list[str]]:
    """For every slot that was generated, its texts as they were generated, in order.

    Slots whose answers are neither in the cache nor (curated) in the library are left out; so is a text
    that is no longer found there. `generated_digests` works without a cache.
    """
    found: dict[Slot, list[str]] = {}
    for run in attributes.provenance.get("runs", []):
        curated = _library_texts(attributes.dataset) if run.get("source") == "curated" else {}
        for slot, record in _slots(run.get("generated", {})):
            known = list(curated.get(slot, []))
            for key in str(record.get("answers", "")).split():
                entry = cache.get(key)
                known += [] if entry is None else entry.answer.items
            by_digest = {digest(text): text for text in known}
            texts = [by_digest[item] for item in str(record["texts"]).split() if item in by_digest]
            if texts:
                found[slot] = texts
    return found


def generated_digests(attributes: AttributeSet) -> dict[Slot, list[str]]:
    """For every slot that was generated, the `digest` of each of its texts as generated, in order."""
    return {
        slot: str(record["texts"]).split()
        for run in attributes.provenance.get("runs", [])
        for slot, record in _slots(run.get("generated", {}))
    }


def digest(text: str) -> str:
    """The first 8 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def _add(runs: list[dict[str, Any]], slot: Slot, filled: Filled) -> None:
    for run in runs:
        prompts = run.get("prompts", {})
        same_prompts = all(prompts.get(name, value) == value for name, value in filled.prompts.items())
        if same_prompts and all(run.get(name) == value for name, value in filled.origin.items()):
            break
    else:
        run = {**filled.origin, "generated": {}}
        runs.append(run)
    if filled.prompts:
        together = {**run.get("prompts", {}), **filled.prompts}
        run["prompts"] = {name: together[name] for name in sorted(together)}
        run["usage"] = (Usage.model_validate(run.get("usage", {})) + filled.usage).model_dump()
    record = {"texts": " ".join(digest(text) for text in filled.texts)}
    if filled.answers:
        record = {"answers": " ".join(filled.answers), **record}
    generated = dict(_slots(run.pop("generated")))
    run["generated"] = _nested({**generated, slot: record})  # last in the run, for it is long


def _without(run: Mapping[str, Any], gone: set[Slot]) -> dict[str, Any]:
    kept = {slot: record for slot, record in _slots(run.get("generated", {})) if slot not in gone}
    return {**run, "generated": _nested(kept)}


def _slots(generated: Mapping[str, Any]) -> Iterator[tuple[Slot, Mapping[str, Any]]]:
    for name, kinds in generated.items():
        for kind, value in kinds.items():
            if kind == "confusion":
                for confused, record in value.items():
                    yield Slot(name, kind, confused), record
            else:
                yield Slot(name, kind), value


def _nested(records: Mapping[Slot, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for slot, record in records.items():
        kinds = nested.setdefault(slot.class_name, {})
        if slot.confused is None:
            kinds[slot.kind] = record
        else:
            kinds.setdefault(slot.kind, {})[slot.confused] = record
    return nested


def _in_order(card: Card, found: Mapping[Slot, Any]) -> list[Slot]:
    return [slot for slot, _ in _ordered(card, iter(found.items()))]


def _ordered(card: Card, items: Iterator[tuple[Slot, Any]]) -> list[tuple[Slot, Any]]:
    every = slots(card, attribute_set.KINDS, dict.fromkeys(card.class_names, (*card.class_names, "other")))
    rank = {slot: place for place, slot in enumerate(every)}
    return sorted(items, key=lambda item: rank.get(item[0], len(rank)))


def _library_texts(dataset: str) -> dict[Slot, list[str]]:
    path = path_of(dataset)
    texts: dict[Slot, list[str]] = {}
    if path.is_file():
        for entry in attribute_set.load(path).entries():
            texts.setdefault(Slot(entry.class_name, entry.kind, entry.confused), []).append(entry.text)
    return texts
