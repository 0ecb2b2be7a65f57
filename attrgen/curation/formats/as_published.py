"""What an attribute set cannot hold of a published list, kept so that the list can be written back as it was.

A text of a set is one printable line and is once in its list. Published lists have texts twice, blank ones,
line breaks and extra spaces. `taken` separates the two, `restored` joins them again. When the texts were
edited in between, whatever belongs to a removed text is left out, too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from pydantic import Field

from attrgen.core.validation import Strict


class Remainder(Strict):
    """What is left of a list beside its texts.

    Attributes:
        spelling: the class as the file spells it, where that differs.
        cleaned: texts that were cleaned, and how they were in the file.
        left_out: position and wording of blank and repeated texts.
        confused: for a confusion list, the class that each text was put under, in the file's order.
    """

    spelling: str | None = None
    cleaned: dict[str, str] = Field(default_factory=dict)
    left_out: list[tuple[int, str]] = Field(default_factory=list)
    confused: list[str] = Field(default_factory=list)

    def joined(self, other: Remainder) -> Remainder:
        """The remainders of two files' lists of one class, joined for a merged set."""
        return Remainder(
            spelling=self.spelling or other.spelling,
            cleaned={**other.cleaned, **self.cleaned},
            left_out=self.left_out + other.left_out,
            confused=self.confused + other.confused,
        )


def clean(text: str) -> str:
    """One printable line: line breaks and runs of spaces become one space, invisible letters go."""
    visible = (
        letter if letter.isprintable() else "" if unicodedata.category(letter) == "Cf" else " "
        for letter in text
    )
    return " ".join("".join(visible).split())


def taken(raw: Sequence[str]) -> tuple[list[str], Remainder]:
    """The texts that a set can hold, in order, and what is left."""
    texts: list[str] = []
    remainder = Remainder()
    for position, item in enumerate(raw):
        text = clean(item)
        if not text or text in texts:
            remainder.left_out.append((position, item))
            continue
        texts.append(text)
        if text != item:
            remainder.cleaned[text] = item
    return texts, remainder


def restored(texts: Sequence[str], remainder: Remainder) -> list[str]:
    """The list as it was in the file; equal to what was `taken` unless `texts` were edited."""
    raw = [remainder.cleaned.get(text, text) for text in texts]
    for position, item in remainder.left_out:
        if not clean(item) or clean(item) in texts:
            raw.insert(position, item)
    return raw


def interleaved(confusion: dict[str, list[str]], order: Sequence[str]) -> list[str]:
    """The texts of all confused classes in one list: in `order`, a class for each text, then the rest."""
    left = {name: list(texts) for name, texts in confusion.items()}
    texts = [left[name].pop(0) for name in order if left.get(name)]
    return texts + [text for rest in left.values() for text in rest]
