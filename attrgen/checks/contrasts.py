"""Words that exclude one another when they describe the same thing: dark and bright, one and many."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from attrgen.checks.words import stem, words

# Axis → alternatives on it, one line of words per alternative.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "density": (
        "dark darker darkest black blacker blackish jet hypodense hypoechoic hypoechogenic anechoic "
        "hypointense hypoattenuating hyporeflective lucent radiolucent lucency dim",
        "bright brighter brightest brilliant white whiter whitish chalky hyperdense hyperechoic echogenic "
        "hyperintense hyperattenuating hyperreflective radiopaque radiodense opaque glaring pale paler",
    ),
    "count": (
        "single solitary lone one sole isolated unifocal",
        "multiple many several numerous countless multifocal multitude dozens",
    ),
    "outline": (
        "smooth sharp sharply crisp regular well circumscribed distinct even clean",
        "irregular ragged jagged blurred fuzzy ill poorly indistinct spiculated spiky uneven shaggy",
    ),
    "texture": (
        "homogeneous uniform uniformly even featureless",
        "heterogeneous mottled patchy uneven nonuniform inhomogeneous marbled",
    ),
    "thickness": (
        "thin thinned slim slender narrow hairline delicate",
        "thick thickened broad wide bulky coarse",
    ),
    "size": ("small smaller tiny minute little shallow", "large larger big huge giant deep bulky"),
    "shape": ("round rounded circular oval ovoid", "irregular angular linear branching star wedge lobulated"),
    "colour": (
        "red crimson scarlet reddish",
        "blue bluish",
        "green greenish",
        "yellow yellowish amber",
        "brown brownish",
        "pink pinkish rosy",
        "orange",
        "purple violet",
        "white whitish",
        "black blackish",
        "grey gray greyish",
    ),
}

_COMPOUNDS = {
    f"{amount}-{what}": f"{prefix}dense"
    for amount, prefix in (("low", "hypo"), ("high", "hyper"))
    for what in ("density", "attenuation", "signal", "intensity")
}


@cache
def axes() -> Mapping[str, tuple[frozenset[str], ...]]:
    """By axis, the stems of each of its alternatives."""
    return {
        axis: tuple(frozenset(stem(word) for word in words(line)) for line in lines)
        for axis, lines in _WORDS.items()
    }


@lru_cache(maxsize=100_000)
def side(axis: str, word: str) -> int | None:
    """Which alternative of an axis a word is, or None. A hyphenated word counts by any of its parts."""
    stems = {stem(part) for part in words(_COMPOUNDS.get(word, word))}
    return next((number for number, known in enumerate(axes()[axis]) if stems & known), None)


def contrast(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets of stems take different alternatives on some axis, and no common one."""
    for alternatives in axes().values():
        here = {number for number, stems in enumerate(alternatives) if one & stems}
        there = {number for number, stems in enumerate(alternatives) if other & stems}
        if here and there and not here & there:
            return True
    return False
