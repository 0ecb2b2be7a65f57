"""Words as the rules see them: without case and endings, and only those about the look."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,]\d+)*")


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as running text."""
    return frozenset(text.split())


# Function words, and words that only say that something is to be seen.
STOP_WORDS = word_set(
    """
    a about after all almost along also although an and another any are around as at be been being both but
    by can could do does each either else even ever every few for from had has have how if in into is it its
    itself just like may might more most much must nearly of off often on one only onto or other our out
    over own per quite rather same shall should since so some still such than that the their them then there
    these they this those though through to together too toward towards under until up upon usually very was
    well were what when where whether which while who whose will with within would yet appear appears
    appearing appearance class contain contains containing depict depicts demonstrate demonstrates
    demonstrated display displays displayed exhibit exhibits feature features featuring image images look
    looks note noted observe observed observable picture present reveal reveals scan scans see seen shaped
    show showing shows shown visible visibly
    """
)  # fmt: skip


@lru_cache(maxsize=100_000)
def words(text: str) -> tuple[str, ...]:
    """The words and numbers of a text in order, in lower case; hyphens separate words."""
    return tuple(_WORD.findall(text.casefold()))


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A word without its English ending, by Snowball's English stemmer: `margins` and `margin` are one."""
    return str(_stemmer().stemWord(word))


@cache
def _stemmer() -> Any:
    import snowballstemmer  # with all its languages; nothing else of `attrgen` needs it

    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=100_000)
def content(text: str) -> frozenset[str]:
    """Stems of the words of a text that say something about the look."""
    return frozenset(stem(word) for word in words(text) if word not in STOP_WORDS)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of common stems in all stems of two texts (Jaccard's index), 0 to 1."""
    return len(one & other) / len(one | other) if one or other else 0.0


def tidy(text: str) -> str:
    """The text with single plain spaces between its words and none around them."""
    return " ".join(text.split())


def quoted(phrases: Iterable[str]) -> str:
    """Words for a message: `'this', 'that'`, each once."""
    return ", ".join(f"'{word}'" for word in dict.fromkeys(phrases))
