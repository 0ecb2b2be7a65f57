"""Where the texts of a set come from: written by `attrgen build`, read by `status` and `cite`.

`AttributeSet.provenance` is a JSON object::

    {
      "source": "llm",                       "llm", "curated", "imported", "hand", or "mixed" of several
      "runs": [
        {
          "source": "llm",
          "date": "2026-11-24",              UTC day of the answers
          "model": "…", "resolved_model": "…",
          "server": "https://…",             its address; "local" where it is not on the internet
          "structured": "json_schema",       the structured-output mode
          "system_fingerprint": "…",         as the server names it
          "sampling": {"temperature": 0.7, "seed": "server default", "max_tokens": "server default"},
          "prompts": {"system": {"version": 1, "sha256": "…"}, "descriptive": {…}},
          "answer_format": {"version": 1, "sha256": "…"},   the template that describes the form of an answer
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
the first 8 digits of each generated text's SHA-256 in order, and `asked` the number of texts that were asked
for where fewer came. So with the cache every text as generated is
known, and with the file alone it is still known which texts are unchanged. A run with the source "curated"
has `library`, the id of the library's set, and its credits in place of a model, and no `answers`; one with
the source "imported" has `files`, see `attrgen.curation.formats.importing`. Usage leaves out failed attempts,
which the summary of a build counts: a set does not depend on how often the network failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from attrgen.checks.cleaning import clean
from attrgen.core.validation import Strict, validate
from attrgen.llm.cache import Cache
from attrgen.llm.request import Usage
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.library import path_of
from attrgen.schema.plan import Slot

SERVER_DEFAULT = "server default"  # in `sampling`: the parameter was not sent
CREDITS = ("by", "date", "basis", "licence")  # fields of a curated set that its copies repeat


# Only what is read here is checked: a person may add other fields to a run.


class _Record(BaseModel):
    texts: str
    answers: str = ""
    asked: int | None = None


class _Kinds(Strict):
    descriptive: _Record | None = None
    distinctive: _Record | None = None
    ensemble: _Record | None = None
    confusion: dict[str, _Record] = Field(default_factory=dict)


class _Run(BaseModel):
    generated: dict[str, _Kinds] = {}
    prompts: dict[str, Any] = {}
    usage: Usage = Usage()


class _Runs(BaseModel):
    runs: list[_Run] = []


@dataclass(frozen=True)
class Filled:
    """The texts of one slot and where they come from.

    Args:
        origin: the fields of the run they belong to that do not differ between its slots.
        asked: how many texts were asked for.
        generated: the texts as they were generated, where a person has edited some of `texts`.
    """

    texts: tuple[str, ...]
    origin: Mapping[str, Any]
    prompts: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    answers: tuple[str, ...] = ()
    asked: int | None = None
    generated: tuple[str, ...] | None = None


def recorded(attributes: AttributeSet, card: Card, filled: Mapping[Slot, Filled]) -> dict[str, Any]:
    """The set's provenance after those slots were filled; it does not depend on the order of `filled`."""
    old = attributes.provenance
    runs = [_without(run, set(filled)) for run in runs_of(attributes)]
    runs = [run for run in runs if run.get("generated") != {}]
    for slot in _in_order(card, filled):
        _add(runs, slot, filled[slot])
    for run in runs:
        if "generated" in run:
            run["generated"] = _nested(dict(_ordered(card, _slots(run["generated"]))))
    sources = {str(run.get("source", "hand")) for run in runs}
    covered = {slot for run in runs for slot, _ in _slots(run.get("generated", {}))}
    if any(Slot(e.class_name, e.kind, e.confused) not in covered for e in attributes.entries()):
        sources |= {str(old.get("source", "hand"))}
    source = sources.pop() if len(sources) == 1 else "mixed"
    return {**old, "source": source, "runs": runs}


class Original(NamedTuple):
    """A text as it came into the set: its digest, its run's source, and its wording where that is known."""

    digest: str
    source: str
    text: str | None


def originals(attributes: AttributeSet, cache: Cache | None = None) -> dict[Slot, list[Original]]:
    """For every slot that was generated, copied or imported, its texts as they were then, in order.

    Texts are looked up in the cache and the curated library; without them only the digests are known. A set
    with the source "curated" and no runs (a copy of the library's file) is compared with the library.

    Raises:
        UserError: `runs` does not have the form that is described above.
    """
    runs = runs_of(attributes)
    library = _library_texts(attributes.dataset)
    result: dict[Slot, list[Original]] = {}
    if not runs and attributes.provenance.get("source") == "curated":
        for slot, texts in library.items():
            result[slot] = [Original(digest(text), "curated", text) for text in texts]
    for run in runs:
        source = str(run.get("source", "hand"))
        for slot, record in _slots(run.get("generated", {})):
            known = {digest(text): text for text in library.get(slot, [])}
            for key in record.get("answers", "").split():
                entry = cache.get(key) if cache is not None else None
                items = () if entry is None else entry.answer.items
                known |= {digest(text): text for text in (*items, *map(clean, items))}
            result.setdefault(slot, []).extend(
                Original(item, source, known.get(item)) for item in record["texts"].split()
            )
    return result


def short_lists(attributes: AttributeSet) -> dict[Slot, list[str]]:
    """The lists for which fewer texts came than were asked for, with the digests of those that came."""
    records = (
        (slot, record) for run in runs_of(attributes) for slot, record in _slots(run.get("generated", {}))
    )
    came = {slot: (record["texts"].split(), record.get("asked") or 0) for slot, record in records}
    return {slot: texts for slot, (texts, asked) in came.items() if len(texts) < asked}


def runs_of(attributes: AttributeSet) -> list[dict[str, Any]]:
    """The runs that the provenance records.

    Raises:
        UserError: they do not have the form that is described above.
    """
    validate(
        _Runs,
        attributes.provenance,
        what="provenance",
        code="provenance",
        remedy="Restore the record, or remove 'runs': then the origin of the texts is unknown.",
        within=f"provenance of '{attributes.dataset}'",
    )
    return [dict(run) for run in attributes.provenance.get("runs", [])]


def digests(lists: Mapping[Slot, Sequence[str]]) -> dict[str, Any]:
    """The field `generated` of a run that brought these lists, without answers."""
    return _nested({slot: _record(texts) for slot, texts in lists.items()})


def renamed(run: Mapping[str, Any], rename: Callable[[Slot], Slot | None]) -> dict[str, Any]:
    """The run with the lists that it brought under other names; those without a name are left out."""
    if "generated" not in run:
        return dict(run)
    records = ((rename(slot), record) for slot, record in _slots(run["generated"]))
    return {**run, "generated": _nested({slot: record for slot, record in records if slot is not None})}


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
        merged = {**run.get("prompts", {}), **filled.prompts}
        run["prompts"] = {name: merged[name] for name in sorted(merged)}
        run["usage"] = (Usage.model_validate(run.get("usage", {})) + filled.usage).model_dump()
    generated = filled.texts if filled.generated is None else filled.generated
    record = _record(generated)
    if filled.answers:
        record = {"answers": " ".join(filled.answers), **record}
    if filled.asked is not None and filled.asked > len(generated):
        record["asked"] = filled.asked
    run["generated"] = run.pop("generated", {})  # last in the run, for it is long
    _put(run["generated"], slot, record)


def _record(texts: Sequence[str]) -> dict[str, Any]:
    return {"texts": " ".join(digest(text) for text in texts)}


def _without(run: Mapping[str, Any], removed: set[Slot]) -> dict[str, Any]:
    if "generated" not in run:
        return dict(run)
    kept = {slot: record for slot, record in _slots(run.get("generated", {})) if slot not in removed}
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
        _put(nested, slot, record)
    return nested


def _put(generated: dict[str, Any], slot: Slot, record: Any) -> None:
    kinds = generated.setdefault(slot.class_name, {})
    if slot.confused is None:
        kinds[slot.kind] = record
    else:
        kinds.setdefault(slot.kind, {})[slot.confused] = record


def _in_order(card: Card, filled: Mapping[Slot, Any]) -> list[Slot]:
    return [slot for slot, _ in _ordered(card, iter(filled.items()))]


def _ordered(card: Card, items: Iterator[tuple[Slot, Any]]) -> list[tuple[Slot, Any]]:
    names = (*card.class_names, attribute_set.OTHER)
    order = {name: index for index, name in enumerate(names)}

    def rank(slot: Slot) -> tuple[int, int, int]:
        kind = attribute_set.KINDS.index(slot.kind) if slot.kind in attribute_set.KINDS else len(names)
        confused = order.get(slot.confused or "", len(names))
        return order.get(slot.class_name, len(names)), kind, confused

    return sorted(items, key=lambda item: rank(item[0]))


def _library_texts(dataset: str) -> dict[Slot, list[str]]:
    path = path_of(dataset)
    texts: dict[Slot, list[str]] = {}
    if path.is_file() and path.stem == dataset:  # whoever writes a set does not choose the folder
        for entry in attribute_set.load(path).entries():
            texts.setdefault(Slot(entry.class_name, entry.kind, entry.confused), []).append(entry.text)
    return texts
