"""The form in which `attrgen edit` shows a class: plain text, one attribute per line under headings.

    # Lines that begin with '#' and empty lines do not count.
    [descriptive]
    a round, dark, fluid-filled area with a hair-thin smooth wall
    [confusion: kidney tumor]
    a thick, uneven wall with a bright solid nodule on its inner side

A text that begins with '#', '[' or '\\' gets a '\\' before it. `parse(dumps(x))` is x.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError, one_or_many
from attrgen.core.names import did_you_mean, fold
from attrgen.schema.attribute_set import KINDS, ClassAttributes

_HEADING = re.compile(r"^\[\s*([^:\]]+?)\s*(?::\s*(.+?)\s*)?\]\s*$")
_HELP = """\
One text per line. Lines that begin with '#' and empty lines do not count.
[confusion: X] has what one would see if the image were X while it looks like this class.
A heading without texts is dropped; the next build fills it. Headings that may be added: {headings}."""


def dumps(attributes: ClassAttributes, title: str, confusable: Mapping[str, str]) -> str:
    """The form of a class.

    Args:
        title: what the first line says.
        confusable: for every folded spelling of a class that it can be mistaken for, the key to be used.
    """
    confusion = attributes.confusion or {}
    others = [name for name in dict.fromkeys(confusable.values()) if name not in confusion]
    headings = ", ".join([f"[confusion: {name}]" for name in others] + ["[ensemble]"])
    lines = [f"# {line}" for line in (title, *_HELP.format(headings=headings).split("\n"))]
    for kind in KINDS:
        if kind == "confusion":
            for name, texts in confusion.items():
                lines += ["", f"[confusion: {name}]", *map(_escaped, texts)]
        elif kind != "ensemble" or attributes.ensemble:
            lines += ["", f"[{kind}]", *map(_escaped, getattr(attributes, kind) or ())]
    return "\n".join(lines) + "\n"


def parse(
    text: str, before: ClassAttributes, confusable: Mapping[str, str], file: str | Path | None = None
) -> ClassAttributes:
    """The class in a filled form.

    White space around a text is removed, except around texts that the class had `before`.

    Raises:
        UserError: with its line: an unknown or repeated heading, a text above the first heading, twice in a
            list or with a character that cannot be printed; or there is no text at all.
    """
    form = _Form(confusable, {entry for kind in KINDS for entry in before.texts(kind)})
    errors: list[UserError] = []
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            form.read(line.removesuffix("\r"))
        except UserError as error:
            errors.append(error.at(file, number))
    if errors:
        raise one_or_many(errors)
    if not any(form.lists.values()):
        remedy = "Write one, or leave the form as it was."
        raise UserError("the form has no text", code="form-no-text", file=file, remedy=remedy)
    return ClassAttributes.model_validate(dict(_values(form.lists)))


class _Form:
    """The lists of a form, read line by line. `known` are the texts that the class had before."""

    def __init__(self, confusable: Mapping[str, str], known: set[str]) -> None:
        self.lists: dict[tuple[str, str | None], list[str]] = {}
        self._confusable = confusable
        self._known = known
        self._current: list[str] | None = None

    def read(self, line: str) -> None:
        """Add a line.

        Raises:
            UserError: a wrong heading or a wrong text, without a location.
        """
        if not line.strip() or line.startswith("#"):
            return
        if line.startswith("["):
            self._current = []  # texts under a wrong heading are not reported as well
            heading = _heading(line, self._confusable)
            if heading in self.lists:
                raise UserError(
                    f"the heading {line.strip()} is there twice",
                    code="form-repeated-heading",
                    remedy="Join the two.",
                )
            self.lists[heading] = self._current
        elif self._current is None:
            raise UserError(
                "a text above the first heading",
                code="form-no-heading",
                remedy="Put a heading like [descriptive] above it.",
            )
        else:
            self._current.append(_text(line.removeprefix("\\"), self._current, self._known))


def _values(lists: dict[tuple[str, str | None], list[str]]) -> Iterator[tuple[str, Any]]:
    for (kind, confused), texts in lists.items():
        if texts and confused is None:
            yield kind, texts
    confusion = {confused: texts for (_, confused), texts in lists.items() if texts and confused}
    if confusion:
        yield "confusion", confusion


def _heading(line: str, confusable: Mapping[str, str]) -> tuple[str, str | None]:
    match = _HEADING.match(line)
    kind = match[1].lower() if match else ""
    if match is None or kind not in KINDS or (match[2] is not None) != (kind == "confusion"):
        remedy = "Headings: [descriptive], [distinctive], [ensemble], [confusion: CLASS]. "
        raise UserError(
            f"{line.strip()} is not a heading",
            code="form-unknown-heading",
            remedy=remedy + "A text that begins with '[' needs a \\ before it.",
        )
    if match[2] is None:
        return kind, None
    if fold(match[2]) not in confusable:
        remedy = did_you_mean(match[2], dict.fromkeys(confusable.values()))
        raise UserError(f"it cannot be mistaken for '{match[2]}'", code="form-unknown-class", remedy=remedy)
    return kind, confusable[fold(match[2])]


def _text(line: str, texts: Sequence[str], known: set[str]) -> str:
    text = line if line in known else line.strip()
    if not all(character.isprintable() for character in text):
        raise UserError(
            "a character cannot be printed",
            code="form-unprintable",
            remedy="Remove it (perhaps a tab).",
        )
    if text in texts:
        raise UserError(f"'{text}' is twice in its list", code="form-repeated-text", remedy="Remove one.")
    return text


def _escaped(text: str) -> str:
    return f"\\{text}" if text.startswith(("#", "[", "\\")) else text
