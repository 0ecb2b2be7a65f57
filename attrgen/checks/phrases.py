"""Many words and phrases looked for at once, in time that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from attrgen.checks.words import words

_LETTERS = 4  # by which words with an open ending are indexed


class Phrases:
    """A collection of phrases; a `*` at the end of one stands for any ending of its last word.

    Phrases are compared word by word, without case, and hyphens separate words.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._words: set[str] = set()
        self._longer: dict[tuple[str, str], list[tuple[str, ...]]] = {}  # by the first two words
        self._open: dict[str, list[str]] = {}  # words with an open ending, by the first letters
        self._open_after: dict[str, list[tuple[tuple[str, ...], str]]] = {}  # the same, by the word before
        for phrase in phrases:
            phrase_words = words(phrase)
            if not phrase_words:
                continue
            *before, last = phrase_words
            if not phrase.rstrip().endswith("*"):
                if before:
                    self._longer.setdefault((phrase_words[0], phrase_words[1]), []).append(phrase_words)
                else:
                    self._words.add(last)
            elif before:
                self._open_after.setdefault(phrase_words[0], []).append((tuple(before), last))
            else:
                assert len(last) >= _LETTERS, f"'{phrase}' would match too much"
                self._open.setdefault(last[:_LETTERS], []).append(last)

    def find(self, text_words: Sequence[str]) -> list[tuple[int, int]]:
        """Start and end of every phrase in a text's words; of those that begin at one word the longest."""
        if (  # most texts hold none, and that must be quick
            self._words.isdisjoint(text_words)
            and self._longer.keys().isdisjoint(pairwise(text_words))
            and (not self._open or self._open.keys().isdisjoint([word[:_LETTERS] for word in text_words]))
            and self._open_after.keys().isdisjoint(text_words)
        ):
            return []
        ends = (max(self._ends(text_words, start), default=0) for start in range(len(text_words)))
        return [(start, end) for start, end in enumerate(ends) if end]

    def _ends(self, text_words: Sequence[str], start: int) -> Iterator[int]:
        first = text_words[start]
        if first in self._words or any(map(first.startswith, self._open.get(first[:_LETTERS], ()))):
            yield start + 1
        for phrase in (
            self._longer.get((first, text_words[start + 1]), ()) if start + 1 < len(text_words) else ()
        ):
            end = start + len(phrase)
            if tuple(text_words[start:end]) == phrase:
                yield end
        for before, stem in self._open_after.get(first, ()):
            end = start + len(before)
            if (
                end < len(text_words)
                and tuple(text_words[start:end]) == before
                and text_words[end].startswith(stem)
            ):
                yield end + 1
