"""Attribute texts corrupted on purpose, for ablations: pure functions of texts and a generator.

Texts are given and returned by class: `texts[c]` are those of class c. Every class keeps its number of texts.
"""

from __future__ import annotations

import torch


def drawn_at_random(texts: list[list[str]], pool: list[str], generator: torch.Generator) -> list[list[str]]:
    """For every class as many texts as it has, drawn from `pool` without replacement (class by class).

    Where a class has more texts than the pool, the pool is repeated.
    """
    return [_draw(pool, len(lines), generator) for lines in texts]


def exchanged(texts: list[list[str]], generator: torch.Generator) -> list[list[str]]:
    """Each class gets the whole list of another class, along a random cycle of the classes."""
    cycle = torch.randperm(len(texts), generator=generator).tolist()
    result = list(texts)
    for giver, taker in zip(cycle, cycle[1:] + cycle[:1], strict=True):
        result[taker] = texts[giver]
    return result


def partly_replaced(texts: list[list[str]], share: float, generator: torch.Generator) -> list[list[str]]:
    """`round(share * m)` of every class's m texts replaced, at their positions, by texts of other classes.

    Positions and substitutes are drawn at random, the substitutes without replacement within a class.
    """
    result = []
    for label, lines in enumerate(texts):
        others = [line for other, rows in enumerate(texts) if other != label for line in rows]
        count = round(share * len(lines))
        positions = torch.randperm(len(lines), generator=generator)[:count].tolist()
        replaced = list(lines)
        for position, substitute in zip(positions, _draw(others, count, generator), strict=True):
            replaced[position] = substitute
        result.append(replaced)
    return result


def _draw(pool: list[str], count: int, generator: torch.Generator) -> list[str]:
    order = torch.randperm(len(pool), generator=generator).tolist()
    return [pool[order[i % len(pool)]] for i in range(count)]
