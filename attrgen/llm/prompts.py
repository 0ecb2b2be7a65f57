"""The templates that an LLM sees: loaded from `prompts/*.j2`, overridden by a user's folder, rendered safely.

A template is a text file with a front matter and a Jinja body::

    ---
    version: 1
    kind: descriptive
    ---
    Write {{ count }} descriptions of "{{ class_name }}" …

Its kind is its file's name. Templates are shared between people, so they run in Jinja's sandbox and see
nothing but the variables of `variables`; a variable that is not there is an error, never an empty word.
Those of a user run in a child process with a limit of time and memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.files import read_text
from attrgen.core.resources import resource
from attrgen.llm import sandbox
from attrgen.llm.rendering import renderer
from attrgen.schema.attribute_set import KINDS
from attrgen.schema.card import Card, did_you_mean
from attrgen.schema.confusers import MOST_LIKELY
from attrgen.schema.plan import DEFAULT_COUNTS

TEMPLATES = ("system", *KINDS, "confusers", "answer_format", "invalid_answer", "replace", "top_up")
MIN_WORDS, MAX_WORDS = 6, 28  # 28 words of medical English stay well under CLIP's 77 tokens

_FRONT_MATTER = re.compile(r"\A---\r?\n(?P<head>.*?)\r?\n---\r?\n(?P<body>.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class Prompt:
    """One template. `sha256` is the digest of the whole file, front matter included."""

    name: str
    version: int
    body: str
    sha256: str
    path: Path

    @cached_property
    def _is_shipped(self) -> bool:
        return self.path.is_relative_to(resource("prompts"))

    def render(self, values: Mapping[str, Any]) -> str:
        """The text that the LLM gets.

        Raises:
            UserError: a syntax error, a missing variable, or something that the sandbox forbids.
        """
        rendered = (sandbox.render if self._is_shipped else renderer().render)(self.body, values)
        if rendered.is_syntax:
            raise UserError(
                f"template syntax: {rendered.error}",
                code="prompts-syntax",
                file=self.path,
                line=rendered.line,
            )
        if rendered.error:
            raise UserError(
                f"the template cannot be rendered: {rendered.error}",
                code="prompts-render",
                file=self.path,
                remedy=f"Variables of a template: {', '.join(sorted(values))}.",
            )
        return rendered.text


class Prompts(dict[str, Prompt]):
    """All templates by kind."""

    def named(self, kind: str) -> Prompt:
        """The template of a kind.

        Raises:
            UserError: there is none.
        """
        if kind not in self:
            remedy = f"{did_you_mean(kind, self)} Templates: {', '.join(self)}."
            raise UserError(f"there is no template '{kind}'", code="prompts-unknown-template", remedy=remedy)
        return self[kind]

    def messages(self, kind: str, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """System and user message as (role, text) pairs."""
        return ("system", self["system"].render(values)), ("user", self[kind].render(values))


def load(folder: Path | None = None) -> Prompts:
    """The shipped templates, each replaced by `folder`'s file of the same name where there is one.

    Raises:
        UserError: `folder` is missing, has a file of another name, or a front matter is wrong.
    """
    paths = {name: resource("prompts", f"{name}.j2") for name in TEMPLATES}
    if folder is not None:
        if not folder.is_dir():
            raise UserError(
                "there is no such folder of prompts",
                code="prompts-no-folder",
                file=folder,
                remedy="Check --prompts.",
            )
        for path in sorted(folder.glob("*.j2")):
            if path.stem not in paths:
                known = ", ".join(f"{name}.j2" for name in TEMPLATES)
                remedy = f"{did_you_mean(path.stem, TEMPLATES)} Templates: {known}."
                raise UserError(
                    "no template has that name",
                    code="prompts-unknown-template",
                    file=path,
                    remedy=remedy,
                )
            paths[path.stem] = path
    return Prompts({name: _read(path) for name, path in paths.items()})


def variables(
    card: Card, kind: str, class_name: str, count: int, confused: str | None = None
) -> dict[str, Any]:
    """What the templates `system` and `kind` may use, for one class of a card."""
    entry = card.class_of(class_name)
    values: dict[str, Any] = {
        "kind": kind,
        "dataset": card.name,
        "title": card.title,
        "modality": card.modality,
        "shows": card.shows,
        "greyscale": card.greyscale,
        "stain": card.stain,
        "view": card.view,
        "classes": list(card.class_names),
        "class_name": entry.name,
        "own_names": list(dict.fromkeys((entry.name, *entry.aliases))),
        "other_classes": [name for name in card.class_names if name != entry.name],
        "count": count,
        "min_words": MIN_WORDS,
        "max_words": MAX_WORDS,
    }
    if confused is not None:
        values["confused"] = confused
    return values


def example(
    prompts: Prompts,
    card: Card,
    kind: str,
    class_name: str | None = None,
    confused: str | None = None,
    count: int | None = None,
) -> tuple[tuple[str, str], ...]:
    """The messages of one request; a class that is not given is the card's first, or the first other one.

    Raises:
        UserError: a class or kind is unknown, or the kind is not one that is asked by itself.
    """
    if kind not in (*KINDS, "confusers"):
        raise UserError(
            f"'{kind}' is not asked by itself",
            code="prompts-not-rendered-alone",
            remedy=f"Choose one of {', '.join((*KINDS, 'confusers'))}.",
        )
    name = card.class_of(class_name or card.class_names[0]).name
    if kind == "confusion":
        others = (other for other in card.class_names if other != name)
        confused = card.class_of(confused).name if confused else next(others)
    number = count or {**DEFAULT_COUNTS, "confusers": MOST_LIKELY}[kind]
    return prompts.messages(kind, variables(card, kind, name, number, confused))


def _read(path: Path) -> Prompt:
    text = read_text(path, what="prompt template")
    match = _FRONT_MATTER.match(text)
    remedy = "Begin the file with '---', 'version: 1', " + f"'kind: {path.stem}', '---'."
    if match is None:
        raise UserError(
            "the front matter is missing", code="prompts-front-matter", file=path, line=1, remedy=remedy
        )
    head: dict[str, str] = {}
    for number, line in enumerate(match["head"].splitlines(), start=2):
        name, colon, value = line.partition(":")
        if not colon or name.strip() not in ("version", "kind"):
            raise UserError(
                f"not a front matter line: '{line}'",
                code="prompts-front-matter",
                file=path,
                line=number,
                remedy=remedy,
            )
        head[name.strip()] = value.strip()
    if not head.get("version", "").isascii() or not head.get("version", "").isdigit():
        raise UserError(
            "the front matter has no whole number as version",
            code="prompts-front-matter",
            file=path,
            remedy=remedy,
        )
    if head.get("kind") != path.stem:
        raise UserError(
            f"the front matter's kind is not '{path.stem}'",
            code="prompts-front-matter",
            file=path,
            remedy=remedy,
        )
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    # Empty lines in place of the front matter keep Jinja's line numbers those of the file.
    body = "\n" * text[: match.start("body")].count("\n") + match["body"]
    return Prompt(path.stem, int(head["version"]), body, digest, path)
