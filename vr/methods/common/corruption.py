"""Attribute texts made wrong on purpose, for ablations: pure functions of texts and a generator.

Texts are given and returned by class: `texts[c]` are those of class c. Every class keeps its number of texts.
"""

from __future__ import annotations

import torch


def drawn_at_random(texts: list[list[str]], pool: list[str], generator: torch.Generator) -> list[list[str]]:
    """For every class as many texts as it has, drawn from `pool` without replacement (class by class).

    A class that has more texts than the pool gets the pool over and over.
    """
    return [_draw(pool, len(lines), generator) for lines in texts]


def passed_round(texts: list[list[str]], generator: torch.Generator) -> list[list[str]]:
    """Whole lists handed to another class round a random circle, so that no class keeps its own."""
    circle = torch.randperm(len(texts), generator=generator).tolist()
    result = list(texts)
    for giver, taker in zip(circle, circle[1:] + circle[:1], strict=True):
        result[taker] = texts[giver]
    return result


def partly_replaced(texts: list[list[str]], share: float, generator: torch.Generator) -> list[list[str]]:
    """`round(share * m)` of every class's m texts replaced, in place, by texts of the other classes.

    What is replaced and by what is drawn at random; the substitutes without replacement, class by class.
    """
    result = []
    for own, lines in enumerate(texts):
        others = [line for other, theirs in enumerate(texts) if other != own for line in theirs]
        count = round(share * len(lines))
        places = torch.randperm(len(lines), generator=generator)[:count].tolist()
        replaced = list(lines)
        for place, substitute in zip(places, _draw(others, count, generator), strict=True):
            replaced[place] = substitute
        result.append(replaced)
    return result


def _draw(pool: list[str], count: int, generator: torch.Generator) -> list[str]:
    order = torch.randperm(len(pool), generator=generator).tolist()
    return [pool[order[i % len(pool)]] for i in range(count)]
