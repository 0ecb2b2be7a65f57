"""The names of a set's classes, as they may be met within a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from attrgen.checks.phrases import Phrases
from attrgen.checks.words import words

# Words of a verdict, which name a class even alone where its names hold them and no other class's do.
VERDICTS = frozenset({"normal", "healthy", "benign", "malignant"})
GAP = "…"  # stands where a name was taken out; no word is like it


class Names:
    """Names by class, each in its folded spellings; plurals are names, too. Make it with `names_of`."""

    def __init__(self, spellings: Mapping[str, frozenset[str]]) -> None:
        self._spellings = spellings
        self._all = Phrases(_forms(name for names in spellings.values() for name in names))
        self._own: dict[str, tuple[Phrases, Phrases]] = {}

    def taken_out(self, said: Sequence[str]) -> Sequence[str]:
        """A text's words, with a gap for every name of a class."""
        return _without(said, self._all.find(said))

    def named(self, class_name: str, said: Sequence[str]) -> str | None:
        """How a text names that class, or None.

        A verdict alone counts ("normal"); a longer name of another class does not, as "dyed lifted polyp"
        for the class "polyp".
        """
        if class_name not in self._own:
            self._own[class_name] = self._phrases_of(class_name)
        own, longer = self._own[class_name]
        rest = _without(said, longer.find(said))
        found = own.find(rest)
        return " ".join(rest[found[0][0] : found[0][1]]) if found else None

    def _phrases_of(self, class_name: str) -> tuple[Phrases, Phrases]:
        own = self._spellings.get(class_name, frozenset())
        others = {name for other, names in self._spellings.items() if other != class_name for name in names}
        known = {word for name in others for word in words(name)}
        verdicts = {word for name in own for word in words(name) if word in VERDICTS - known}
        longer = (name for name in others if any(each in name for each in own))
        return Phrases(_forms({*own, *verdicts})), Phrases(_forms(longer))


def names_of(spellings: Mapping[str, frozenset[str]]) -> Names:
    """The names in these spellings; made once for the same ones, since a build checks many lists."""
    return _made(tuple(spellings.items()))


@lru_cache(maxsize=8)
def _made(spellings: tuple[tuple[str, frozenset[str]], ...]) -> Names:
    return Names(dict(spellings))


def _forms(names: Iterable[str]) -> list[str]:
    """Singular and plural of every name that holds a letter."""
    return [f"{name}{end}" for name in names if any(map(str.isalpha, name)) for end in ("", "s", "es")]


def _without(said: Sequence[str], spans: Sequence[tuple[int, int]]) -> Sequence[str]:
    if not spans:
        return said
    covered = {place for start, end in spans for place in range(start, end)}
    return [GAP if place in covered else word for place, word in enumerate(said)]
