"""The names of a set's classes, and where they occur in a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from attrgen.checks.phrases import Phrases
from attrgen.checks.words import words

# Words of a verdict, which name a class even alone where its names hold them and no other class's do.
VERDICTS = frozenset({"normal", "healthy", "benign", "malignant"})
GAP = "…"  # replaces a name that was removed; no word equals it


class Names:
    """Names by class, each in its folded spellings; plurals are names, too. Make it with `names_of`."""

    def __init__(self, spellings: Mapping[str, frozenset[str]]) -> None:
        self._spellings = spellings
        self._all = Phrases(_forms(name for names in spellings.values() for name in names))
        self._own: dict[str, tuple[Phrases, Phrases]] = {}
        self._classes: dict[str, list[str]] = {}  # by word of a name, the classes
        for class_name, names in spellings.items():
            for word in {word for name in (*_forms(names), *_verdicts(names)) for word in words(name)}:
                self._classes.setdefault(word, []).append(class_name)
        self._order = {class_name: number for number, class_name in enumerate(spellings)}

    def taken_out(self, text_words: Sequence[str]) -> Sequence[str]:
        """A text's words, with a gap for every name of a class."""
        return _without(text_words, self._all.find(text_words))

    def possible(self, text_words: Sequence[str]) -> list[str]:
        """The classes that a text may name, in their order: those with a word of a name in it."""
        classes = {name for word in set(text_words) for name in self._classes.get(word, ())}
        return sorted(classes, key=self._order.__getitem__)

    def named(self, class_name: str, text_words: Sequence[str]) -> str | None:
        """How a text names that class, or None.

        A verdict alone counts ("normal"); a longer name of another class does not, as "dyed lifted polyp"
        for the class "polyp".
        """
        if class_name not in self._own:
            self._own[class_name] = self._phrases_of(class_name)
        own_names, longer = self._own[class_name]
        rest = _without(text_words, longer.find(text_words))
        spans = own_names.find(rest)
        return " ".join(rest[spans[0][0] : spans[0][1]]) if spans else None

    def _phrases_of(self, class_name: str) -> tuple[Phrases, Phrases]:
        own_names = self._spellings.get(class_name, frozenset())
        known = {word for word in VERDICTS if {*self._classes.get(word, ())} - {class_name}}
        verdicts = _verdicts(own_names) - known
        longer = (
            name
            for other, names in self._spellings.items()
            if other != class_name
            for name in names
            if any(own_name in name for own_name in own_names)
        )
        return Phrases(_forms({*own_names, *verdicts})), Phrases(_forms(longer))


def _verdicts(names: Iterable[str]) -> set[str]:
    return {word for name in names for word in words(name) if word in VERDICTS}


def names_of(spellings: Mapping[str, frozenset[str]]) -> Names:
    """The names in these spellings; made once for the same ones, since a build checks many lists."""
    return _made(tuple(spellings.items()))


@lru_cache(maxsize=8)
def _made(spellings: tuple[tuple[str, frozenset[str]], ...]) -> Names:
    return Names(dict(spellings))


def _forms(names: Iterable[str]) -> list[str]:
    """Singular and plural of every name that holds a letter."""
    return [f"{name}{end}" for name in names if any(map(str.isalpha, name)) for end in ("", "s", "es")]


def _without(text_words: Sequence[str], spans: Sequence[tuple[int, int]]) -> Sequence[str]:
    if not spans:
        return text_words
    covered = {index for start, end in spans for index in range(start, end)}
    return [GAP if index in covered else word for index, word in enumerate(text_words)]
