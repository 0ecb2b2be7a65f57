"""`attrgen import`: published files become an attribute set; what it cannot hold goes into its provenance.

A run with the source "imported" has in `files`, for each file, its `name`, `sha256` and, but for tables, its
`kind` and for each class what `as_published` keeps of its list. Texts of a confusion list go under the class
that they name for sure (`mimicked`), else under `other`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrgen.core.day import today
from attrgen.core.errors import UserError, one_or_many
from attrgen.core.shell import command
from attrgen.curation import provenance
from attrgen.curation.formats import list_file, table
from attrgen.curation.formats.as_published import Remainder, taken
from attrgen.curation.formats.list_file import ListFile
from attrgen.curation.formats.mimicked import Names, mimicked, names_of
from attrgen.schema.attribute_set import KINDS, OTHER, AttributeSet
from attrgen.schema.card import Card, fold, shipped_cards
from attrgen.schema.plan import Slot
from attrgen.schema.spelling import from_lists

SUFFIXES = {
    "des": "descriptive",
    "descriptive": "descriptive",
    "dist": "distinctive",
    "distinctive": "distinctive",
    "confuse": "confusion",
    "confusion": "confusion",
    "ensemble": "ensemble",
}
UNNAMED_KIND = "descriptive"  # what CuPL's one file holds: sentences on what a class looks like


@dataclass(frozen=True)
class Imported:
    """A set made of files, and a line for a person about each file."""

    attributes: AttributeSet
    notes: list[str]


def import_files(paths: Sequence[Path], card: Card | None = None, kind: str | None = None) -> Imported:
    """One attribute set of one or more files of the same dataset.

    Args:
        card: maps the files' spellings to class names; without it classes have the names that the files use.
        kind: the kind of the texts, in place of what the ends of the file names say.

    Raises:
        UserError: a file does not have its format, a class is not in the card, two files have the same list,
            or the dataset is not clear.
    """
    parts = [part for path in paths for part in _parts(path, kind)]
    work = _Import(card, _names(parts) if card is None else names_of(card))
    dataset = _dataset(paths) if card is None else card.name
    errors = [error for part in parts for error in work.add(part)]
    if errors:
        raise one_or_many(errors[:20])
    if not work.lists:
        raise UserError("all lists are empty", code="import-no-text", file=paths[0])
    run = {
        "source": "imported",
        "date": today(),
        "files": list(work.records.values()),
        "generated": provenance.digests(work.lists),
    }
    attributes = AttributeSet(
        dataset=dataset,
        classes=from_lists(_in_order(work.lists, card)),
        provenance={"source": "imported", "runs": [run]},
    )
    notes = [_note(path, parts, work.records[path]) for path in dict.fromkeys(paths)]
    if card is None and dataset in shipped_cards():
        notes.append(f"Classes have the names that the files use; --dataset {dataset} maps them to its card.")
    return Imported(attributes, notes)


def kind_of(path: Path) -> str | None:
    """The kind that a file's name says: by its end (`_des`, `_dist`, `_confuse`, ...), else by a word in it.

    Raises:
        UserError: words in the name say different kinds.
    """
    if (kind := _ending(path)) is not None:
        return kind
    kinds = {SUFFIXES[word] for word in re.findall("[a-z]+", path.stem.lower()) if word in SUFFIXES}
    if len(kinds) > 1:
        raise UserError(
            f"the file's name speaks of several kinds: {', '.join(sorted(kinds))}",
            code="import-unclear-kind",
            file=path,
            remedy="Name the kind of its texts with --kind.",
        )
    return kinds.pop() if kinds else None


def _ending(path: Path) -> str | None:
    return SUFFIXES.get(path.stem.rpartition("_")[2].lower()) if "_" in path.stem else None


@dataclass(frozen=True)
class _Part:
    """The lists of one kind in a file; `guessed`: neither the file nor an option names the kind."""

    file: ListFile
    kind: str
    confused: str | None = None
    guessed: bool = False
    is_table: bool = False


def _parts(path: Path, kind: str | None) -> list[_Part]:
    if path.suffix.lower() == ".csv":
        files = table.read(path)
        return [_Part(file, kind, confused, is_table=True) for (kind, confused), file in files.items()]
    named = kind or kind_of(path)
    return [_Part(list_file.read(path), named or UNNAMED_KIND, guessed=named is None)]


class _Import:
    """The lists and records of all parts that were added so far."""

    def __init__(self, card: Card | None, names: Names) -> None:
        self.lists: dict[Slot, list[str]] = {}
        self.records: dict[Path, dict[str, Any]] = {}
        self._card = card
        self._names = names
        self._owners: dict[Slot, Path] = {}

    def add(self, part: _Part) -> Iterator[UserError]:
        """Add all classes of a part; gives the errors in them."""
        file = part.file
        record = self.records.setdefault(file.path, {"name": file.path.name, "sha256": file.sha256})
        if not file.final_newline:
            record["final_newline"] = False
        for spelling in file.lists:
            try:
                name, remainder = self._add(part, spelling)
            except UserError as error:
                yield error.at(file.path, file.lines.get(spelling))
                continue
            if not part.is_table:
                record["kind"] = part.kind
                kept = remainder.model_dump(mode="json", exclude_defaults=True)
                record.setdefault("classes", {})[name] = kept

    def _add(self, part: _Part, spelling: str) -> tuple[str, Remainder]:
        name, confused = self._name(spelling), part.confused
        if confused not in (None, OTHER):
            confused = self._name(str(confused))
        if confused == name:
            raise UserError(f"'{name}' is listed as confused with itself", code="import-confused-with-itself")
        slot = Slot(name, part.kind, confused)
        if slot in self._owners:
            how = command("attrgen", "merge", "--help")
            remedy = f"Import each alone and join the sets ({how}), or name the kind of a file with --kind."
            raise UserError(
                f"{slot} is there twice, also in {self._owners[slot]}",
                code="import-repeated-list",
                remedy=remedy,
            )
        self._owners[slot] = part.file.path
        texts, remainder = taken(part.file.lists[spelling])
        remainder.spelling = spelling if spelling != name else None
        for text in texts:
            other = confused
            if part.kind == "confusion" and other is None:
                other = mimicked(text, name, self._names)
                remainder.confused.append(other)
            collected = self.lists.setdefault(Slot(name, part.kind, other), [])
            collected += [text] if text not in collected else []
        return name, remainder

    def _name(self, spelling: str) -> str:
        return spelling if self._card is None else self._card.class_of(spelling).name


def _in_order(lists: dict[Slot, list[str]], card: Card | None) -> dict[Slot, list[str]]:
    """The lists in the order that `build` would give them: classes and confused classes as in the card."""
    names = (
        list(card.class_names) if card is not None else list(dict.fromkeys(slot.class_name for slot in lists))
    )
    rank = {name: index for index, name in enumerate((*names, OTHER))}

    def key(slot: Slot) -> tuple[int, int, int]:
        return rank[slot.class_name], KINDS.index(slot.kind), rank.get(slot.confused or "", 0)

    return {slot: lists[slot] for slot in sorted(lists, key=key)}


def _names(parts: Sequence[_Part]) -> Names:
    """Without a card only class names of several words name a class for sure."""
    spelled = {name for part in parts for name in part.file.lists}
    return {name: {fold(name)} if " " in fold(name) else set() for name in sorted(spelled)}


def _dataset(paths: Sequence[Path]) -> str:
    stems = {path.stem if _ending(path) is None else path.stem.rpartition("_")[0] for path in paths}
    if len(stems) > 1:
        raise UserError(
            f"the files seem to be of several datasets: {', '.join(sorted(stems))}",
            code="import-several-datasets",
            remedy="Name their dataset with --dataset, or import them one by one.",
        )
    return stems.pop() or "imported"


def _note(path: Path, parts: Sequence[_Part], record: Mapping[str, Any]) -> str:
    in_file = [part for part in parts if part.file.path == path]
    lists = [texts for part in in_file for texts in part.file.lists.values()]
    kept = [taken(texts) for texts in lists]
    guess = " (a guess: name it with --kind)" if in_file[0].guessed else ""
    facts = [", ".join(dict.fromkeys(part.kind for part in in_file)) + guess]
    facts.append(f"{len({name for part in in_file for name in part.file.lists})} classes")
    facts.append(f"{sum(len(texts) for texts, _ in kept)} texts")
    confused = [name for value in record.get("classes", {}).values() for name in value.get("confused", ())]
    if confused:
        unnamed = confused.count(OTHER)
        facts.append(f"{len(confused) - unnamed} under the class that they name, {unnamed} under '{OTHER}'")
    if left_out := sum(len(remainder.left_out) for _, remainder in kept):
        facts.append(f"{left_out} blank or repeated ones left out")
    if cleaned := sum(len(remainder.cleaned) for _, remainder in kept):
        facts.append(f"{cleaned} cleaned of line breaks and extra spaces")
    if empty := [name for part in in_file for name, texts in part.file.lists.items() if not texts]:
        facts.append(f"no text for {', '.join(empty)}")
    return f"{path}: {', '.join(facts)}."
