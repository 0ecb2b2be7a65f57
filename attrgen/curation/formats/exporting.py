"""`attrgen export`: an attribute set as the files of another program, and what these cannot hold.

A format is one function, registered by its name, from a `Source` to texts by file name; what it cannot hold
it reports with `Source.lose`. Imported lists are written as they were published, except for later edits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from attrgen.core.errors import UserError
from attrgen.core.validation import validate
from attrgen.curation.formats import list_file, table
from attrgen.curation.formats.as_published import Remainder, interleaved, restored
from attrgen.schema.attribute_set import KINDS, AttributeSet, ClassAttributes
from attrgen.schema.card import Card
from attrgen.schema.spelling import class_name, lists_of


@dataclass
class Source:
    """A set to be written.

    Attributes:
        card: maps classes to image folders, which is how BioMedVR spells them.
        kind: the kind to write in a format that holds only one.
        clean: leave out what a set cannot hold of an imported list (repeated and blank texts and the like).
        lost: what the format could not hold, for a person.
    """

    attributes: AttributeSet
    card: Card | None = None
    kind: str = "descriptive"
    clean: bool = False
    lost: list[str] = field(default_factory=list)

    def lists(self, kind: str, *, by_folder: bool) -> dict[str, list[str]]:
        """The texts of a kind by class; for confusion, of all confused classes in one list."""
        remainders = {} if self.clean else _remainders(self.attributes, kind, self.card)
        classes = {class_name(key, self.card): value for key, value in self.attributes.classes.items()}
        lists: dict[str, list[str]] = {}
        # An imported file's own order of classes comes first.
        for name in dict.fromkeys((*remainders, *classes)):
            remainder = remainders.get(name, Remainder())
            texts = _texts(classes[name], kind, remainder) if name in classes else []
            if texts:
                spelling = remainder.spelling or self._spelling(name, by_folder=by_folder)
                lists.setdefault(spelling, []).extend(restored(texts, remainder))
        empty = [f"'{name}'" for name, value in classes.items() if not value.texts(kind)]
        if lists and empty:
            self.lose(f"{', '.join(empty)} in the {kind} file, because the set has no such texts of them")
        return lists

    def written(self, lists: Mapping[str, Sequence[str]], kind: str) -> str:
        """The text of a list file; it ends as the imported file of that kind did."""
        text = list_file.dumps(lists)
        files = [] if self.clean else [file for file in _files(self.attributes) if file.kind == kind]
        return text if not files or files[0].final_newline else text.removesuffix("\n")

    def lose(self, what: str) -> None:
        """Note something that the format cannot hold."""
        self.lost.append(what)

    def lose_kinds(self, held: Sequence[str]) -> None:
        """Note the texts of all kinds but those that the format holds, and the provenance."""
        for kind in KINDS:
            number = sum(entry.kind == kind for entry in self.attributes.entries())
            if number and kind not in held:
                self.lose(f"{number} {kind} texts")
        self.lose("the provenance")

    def _spelling(self, name: str, *, by_folder: bool) -> str:
        entry = None if self.card is None or not by_folder else self.card.find_class(name)
        return name if entry is None else entry.folder


Export = Callable[[Source], Mapping[str, str]]
FORMATS: dict[str, Export] = {}


def format_named(name: str) -> Callable[[Export], Export]:
    """Register a format."""

    def register(function: Export) -> Export:
        FORMATS[name] = function
        return function

    return register


@format_named("attrvr")
def attrvr(source: Source) -> dict[str, str]:
    """AttrVR: NAME_des.json and NAME_dist.json."""
    source.lose_kinds(("descriptive", "distinctive"))
    return _list_files(source, {"des": "descriptive", "dist": "distinctive"}, by_folder=False)


@format_named("biomedvr")
def biomedvr(source: Source) -> dict[str, str]:
    """BioMedVR: NAME_des.json, NAME_dist.json and NAME_confuse.json."""
    number = sum(entry.confused is not None for entry in source.attributes.entries())
    if number:
        source.lose(f"which class each of {number} confusion texts is about")
    source.lose_kinds(("descriptive", "distinctive", "confusion"))
    kinds = {"des": "descriptive", "dist": "distinctive", "confuse": "confusion"}
    return _list_files(source, kinds, by_folder=True)


@format_named("cupl")
def cupl(source: Source) -> dict[str, str]:
    """CuPL: one file NAME.json with the texts of one kind."""
    source.lose_kinds((source.kind,))
    lists = source.lists(source.kind, by_folder=False)
    if not lists:
        raise UserError(
            f"there is no {source.kind} text",
            code="export-no-text",
            remedy="Choose another kind with --kind.",
        )
    return {f"{_stem(source.attributes)}.json": source.written(lists, source.kind)}


@format_named("csv")
def csv(source: Source) -> dict[str, str]:
    """A table NAME.csv with one row per text."""
    source.lose("the provenance")
    return {f"{_stem(source.attributes)}.csv": table.dumps(lists_of(source.attributes, source.card))}


def _list_files(source: Source, kinds: Mapping[str, str], *, by_folder: bool) -> dict[str, str]:
    lists = {suffix: source.lists(kind, by_folder=by_folder) for suffix, kind in kinds.items()}
    stem = _stem(source.attributes)
    return {
        f"{stem}_{suffix}.json": source.written(texts, kinds[suffix])
        for suffix, texts in lists.items()
        if texts
    }


def _texts(value: ClassAttributes, kind: str, remainder: Remainder) -> list[str]:
    if kind != "confusion":
        return value.texts(kind)
    return interleaved(value.confusion or {}, remainder.confused)


def _stem(attributes: AttributeSet) -> str:
    return attributes.dataset.replace("/", "-")


# Only what is read here is checked: a person may add other fields to a run.
class _File(BaseModel):
    kind: str = ""
    final_newline: bool = True
    classes: dict[str, Remainder] = {}


class _Run(BaseModel):
    files: list[_File] = []


class _Runs(BaseModel):
    runs: list[_Run] = []


def _files(attributes: AttributeSet) -> list[_File]:
    """The imported files that the provenance records."""
    record = validate(
        _Runs,
        attributes.provenance,
        what="provenance",
        code="provenance",
        remedy="Restore the record, or export with --clean, which does not use it.",
        within=f"provenance of '{attributes.dataset}'",
    )
    return [file for run in record.runs for file in run.files]


def _remainders(attributes: AttributeSet, kind: str, card: Card | None) -> dict[str, Remainder]:
    """What imports of that kind left, by class in the card's spelling, each with the file's spelling."""
    remainders: dict[str, Remainder] = {}
    for file in (file for file in _files(attributes) if file.kind == kind):
        for key, remainder in file.classes.items():
            spelled = remainder.model_copy(update={"spelling": remainder.spelling or key})
            name = class_name(key, card)
            remainders[name] = remainders[name].joined(spelled) if name in remainders else spelled
    return remainders
