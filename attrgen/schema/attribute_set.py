"""Contract 2, the attribute set: the one file between the two stages, read and edited by people.

A kind that is absent from a class is *missing* (`attrgen build` fills it); a kind that is there holds at
least one text. That difference is why an empty list is an error and not a silent zero.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from attrgen.core import json_lines
from attrgen.core.errors import UserError, one_or_many
from attrgen.core.files import read_text, write_text
from attrgen.core.locks import locked_file
from attrgen.core.resources import resource
from attrgen.core.shell import command
from attrgen.core.validation import Context, KeyPath, Location, Strict, Wording, dotted, translated
from attrgen.schema.notebook import html_table

FORMAT: Final = "attribute-set/1"
POSITIVE_KINDS = ("descriptive", "distinctive")
KINDS = (*POSITIVE_KINDS, "confusion", "ensemble")
OTHER = "other"
LONGEST_TEXT = 100_000  # characters; CLIP reads some hundred
_OBJECT = Wording('should be a JSON object, {"…": …}')
_WORDING = {
    "model_type": _OBJECT,
    "dict_type": _OBJECT,
    "list_type": Wording('should be a list, ["…", "…"]'),
    "string_type": Wording('should be text in quotes, "…"'),
    "too_short": Wording(
        "should not be empty", "Add a text, or remove the key so that the next build fills it."
    ),
    "missing": Wording(remedy=f'An attribute set has "format": "{FORMAT}", "dataset" and "classes".'),
}


def _wording(path: Path) -> Mapping[str, Wording]:
    remedy = f"If it is another program's file, read it with {command('attrgen', 'import', path)}."
    return {**_WORDING, "literal_error": Wording(f"should be '{FORMAT}'", remedy)}


def _how_to_make(path: Path) -> str:
    """The remedy for a set that is not there."""
    if resource("data", "cards", f"{path.stem}.toml").is_file():
        made = command("attrgen", "build", "--dataset", path.stem, "--out", path)
    else:
        made = command("attrgen", "build", "--help")
    return f"Check the path, or make it: {made}."


def _one_visible_line(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"the text has {len(text):,} characters, and {LONGEST_TEXT:,} are the most")
    if not text.strip():
        raise ValueError("the text is empty")
    if not text.isprintable():
        raise ValueError("the text holds a line break or another character that cannot be printed")
    return text


Text = Annotated[str, AfterValidator(_one_visible_line), Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1, json_schema_extra={"uniqueItems": True})]


class ClassAttributes(Strict):
    """The texts of one class. `confusion` is keyed by the class (or `other`) it is mistaken for."""

    descriptive: Texts | None = Field(None, description="what the class looks like")
    distinctive: Texts | None = Field(None, description="what sets it apart from the other classes")
    confusion: Annotated[dict[str, Texts], Field(min_length=1)] | None = Field(
        None, description="by confused class: what one would see if the image were that class instead"
    )
    ensemble: Texts | None = Field(None, description="short captions of whole images (for BiomedCoOp)")

    def texts(self, kind: str) -> list[str]:
        """All texts of a kind (for confusion, of every confused class in file order); empty if missing."""
        value = getattr(self, kind)
        if isinstance(value, dict):
            return [text for texts in value.values() for text in texts]
        return list(value or [])


class AttributeSet(Strict):
    """An attribute set. Lists keep their order; the order of classes has no meaning."""

    model_config = ConfigDict(title="Attribute set")

    format: Literal["attribute-set/1"] = FORMAT
    dataset: Annotated[str, Field(min_length=1)]
    classes: Annotated[dict[str, ClassAttributes], Field(min_length=1)]
    provenance: dict[str, Any] = Field(default_factory=dict, description="where the texts come from")

    @property
    def id(self) -> str:
        """SHA-256 (64 hexadecimal digits) of the texts, by class, kind and order; nothing else counts."""
        texts = self.model_dump(include={"classes"}, exclude_none=True)["classes"]
        canonical = json.dumps(texts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8")).hexdigest()

    def __repr__(self) -> str:
        number = sum(1 for _ in self.entries())
        return (
            f"AttributeSet({self.dataset!r}, {len(self.classes)} classes, {number} texts, id {self.id[:12]})"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return html_table(self)

    def entries(self) -> Iterator[Entry]:
        """Every text with its position, in file order."""
        for name, attributes in self.classes.items():
            for kind in KINDS:
                value = getattr(attributes, kind)
                groups = value.items() if isinstance(value, dict) else [(None, value or [])]
                for confused, texts in groups:
                    for position, text in enumerate(texts):
                        yield Entry(name, kind, confused, position, text)


class Entry(NamedTuple):
    """One text of a set: class, kind, confused class (confusion only), position in its list, text."""

    class_name: str
    kind: str
    confused: str | None
    position: int
    text: str

    @property
    def path(self) -> json_lines.JsonPath:
        """The path of the text in the JSON file."""
        group = (self.kind,) if self.confused is None else (self.kind, self.confused)
        return ("classes", self.class_name, *group, self.position)


class LocatedSet(NamedTuple):
    """A set as read from a file, with the line of each of its values."""

    set: AttributeSet
    json: json_lines.LocatedJson


def load(path: Path) -> AttributeSet:
    """Read and validate an attribute set.

    Raises:
        UserError: not there, not UTF-8, not JSON, an unknown or repeated key, an empty list, a text that
            is empty or there twice in one list; each by file, line and class, all in one message.
    """
    return read(path).set


def read(path: Path) -> LocatedSet:
    """As `load`, with line numbers."""
    located = parsed(read_text(path, what="attribute set", missing=_how_to_make(path)), path)
    result, errors = validated(located, path)
    if result is not None:
        errors += _duplicates(path, located, result)
    if result is None or errors:
        raise one_or_many(errors)
    return LocatedSet(result, located)


def parsed(text: str, path: Path) -> json_lines.LocatedJson:
    """The JSON of a set's text, with lines.

    Raises:
        UserError: not JSON.
    """
    return json_lines.parse_file(
        text, path, code="set-not-json", remedy="Restore the file or build it again."
    )


def validated(located: json_lines.LocatedJson, path: Path) -> tuple[AttributeSet | None, list[UserError]]:
    """The set in a JSON value, or None, and all that is wrong with it; texts may still be there twice."""
    errors = [
        UserError(
            f"key '{keys[-1]}' is there twice",
            code="set-repeated-key",
            file=path,
            line=line,
            remedy="Join the two; one would be lost.",
        )
        for keys, line in located.repeated
    ]
    try:
        return AttributeSet.model_validate(located.value, strict=True), errors
    except ValidationError as error:
        context = Context(
            "attribute set", "set", path, "", lambda keys: _location(located, keys), wording=_wording(path)
        )
        return None, errors + translated(error, AttributeSet, context)


def dumps(attributes: AttributeSet) -> str:
    """The file's text: two-space indent, one attribute per line, UTF-8 kept, a newline at the end."""
    return json.dumps(attributes.model_dump(exclude_none=True), indent=2, ensure_ascii=False) + "\n"


def save(attributes: AttributeSet, path: Path) -> None:
    """Write `dumps` to a file, atomically and under its lock.

    Raises:
        UserError: the file cannot be written.
    """
    with locked_file(path):
        write_text(path, dumps(attributes))


def json_schema() -> dict[str, Any]:
    """JSON Schema of the format, for editors."""
    schema = AttributeSet.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _duplicates(path: Path, located: json_lines.LocatedJson, attributes: AttributeSet) -> list[UserError]:
    counts = Counter((e.class_name, e.kind, e.confused, e.text) for e in attributes.entries())
    first: set[tuple[str, str, str | None, str]] = set()
    errors = []
    for entry in attributes.entries():
        key = (entry.class_name, entry.kind, entry.confused, entry.text)
        if counts[key] > 1 and key in first:
            errors.append(
                UserError(
                    f"'{entry.text}' is there twice in '{entry.kind}'",
                    code="set-repeated-text",
                    file=path,
                    line=located.line(entry.path),
                    class_name=entry.class_name,
                    remedy=f"Remove one, or run {command('attrgen', 'check', '--fix', path)}.",
                )
            )
        first.add(key)
    return errors


def _location(located: json_lines.LocatedJson, path: KeyPath) -> Location:
    """Where a value is: its key within its class, its line, its class."""
    line = located.line(path)
    if len(path) > 1 and path[0] == "classes":
        return Location(dotted(path[2:]), line, str(path[1]))
    return Location(dotted(path), line)
