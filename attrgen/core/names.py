"""Names that people spell in several ways: when two spellings are the same, and what a wrong one may mean."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

_JOINING_HYPHEN = re.compile(r"(?<=\S)-+(?=\w)| -+ (?=\S)")
_MOST_LISTED = 30


def fold(text: str) -> str:
    """Spelling without case, underscores and doubled spaces, in NFC: `Cyst_Kidney` → `cyst kidney`.

    A hyphen that joins two words is a space; elsewhere it is a sign that counts, as `+` is: `-1` is not `1`,
    and `HER2-` is neither `HER2` nor `HER2+`.
    """
    spaced = re.sub(r"[\s_]+", " ", unicodedata.normalize("NFC", text.casefold())).strip()
    joined = _JOINING_HYPHEN.sub(" ", spaced)
    return re.sub(r" (?=[+-]+$)|(?<=^[+-]) ", "", joined)


def readable(name: str) -> str:
    """A file name as text that every format can hold: bytes that are not UTF-8 are written as `\\xe9`.

    Such names come from older systems; Python reads their bytes as lone surrogates, which no JSON or UTF-8
    file may contain.
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """A sentence with the nearest known names, or the known ones where none is near."""
    names = {fold(name): name for name in known}
    near = difflib.get_close_matches(fold(wrong), names, n=3, cutoff=0.5)
    if near:
        return "Did you mean " + " or ".join(f"'{names[name]}'" for name in near) + "?"
    listed = ", ".join(f"'{name}'" for name in list(names.values())[:_MOST_LISTED])
    return f"Known: {listed}." if listed else ""
