"""Pairs of sets that have most members in common, without comparing each with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import ceil

_EXACT = 1e-9  # below any difference of two shares; rounding must not lose a pair


def overlapping(sets: Sequence[frozenset[str]], least: float) -> Iterator[tuple[int, list[int]]]:
    """For each set the earlier ones whose Jaccard index with it is at least `least`, in their order.

    Every member keeps the sets that have it as the bits of one number. The members of a set are counted in
    all earlier sets at once, by adding these bits in columns as in a sum by hand, so that the cost of a set
    is a few operations on numbers of as many bits as there are sets. Two sets of n and s members have an
    index of at least t where they share at least t / (1 + t) * (n + s) of them.

    Args:
        sets: empty ones are in no pair.
        least: above 0.
    """
    having: dict[str, int] = defaultdict(int)  # by member, bit i: set i has it
    of_size: dict[int, int] = defaultdict(int)  # by size, bit i: set i has so many members
    for index, members in enumerate(sets):
        size = len(members)
        columns = _counted(having[member] for member in members)
        matching = 0
        for other, those in of_size.items():
            if least * max(size, other) <= min(size, other) + _EXACT:
                needed = ceil(least / (1 + least) * (size + other) - _EXACT)
                matching |= those & _at_least(columns, needed)
        if size:
            yield index, list(_bits(matching))
        bit = 1 << index
        for member in members:
            having[member] |= bit
        if size:
            of_size[size] |= bit


def _counted(numbers: Iterable[int]) -> list[int]:
    """How many of the numbers have each bit, as binary digits: column k has the bits whose digit k is 1."""
    columns: list[int] = []
    for carry in numbers:
        for place, column in enumerate(columns):
            columns[place], carry = column ^ carry, column & carry
            if not carry:
                break
        else:
            if carry:
                columns.append(carry)
    return columns


def _at_least(columns: Sequence[int], number: int) -> int:
    """The bits whose count is at least `number`, which is above 0."""
    if number >> len(columns):
        return 0
    equal, more = -1, 0  # bits whose digits so far equal those of the number, or exceed them
    for place in reversed(range(len(columns))):
        if number >> place & 1:
            equal &= columns[place]
        else:
            more |= equal & columns[place]
            equal &= ~columns[place]
    return more | equal


def _bits(number: int) -> Iterator[int]:
    """The positions of the bits that are set, rising."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
