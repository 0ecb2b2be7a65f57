"""The result of a build goes into the file as it is by then: a person may have edited it during the build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.locks import locked_file
from attrgen.curation.provenance import Filled
from attrgen.curation.three_way import merged_texts
from attrgen.generation.result import Result, with_filled
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot, texts_of

Check = Callable[[AttributeSet], None]


def save(
    result: Result, base: AttributeSet | None, card: Card, path: Path, check: Check = lambda now: None
) -> Result:
    """Write the lists that a build filled; the result as it was written.

    The file is read again. A list that was changed in it since `base` was read keeps the changes of both, and
    is one of the result's `conflicts`.

    Args:
        base: the set that the build began with.
        check: raises an error where the set that is in the file now cannot take the lists.

    Raises:
        UserError: the file cannot be written, or what is in it now cannot be read.
    """
    with locked_file(path):
        now = _now(path)
        if now is not None and now != base:
            check(now)
            result = _merged(result, base, card, now)
        if result.attributes is not None:
            attribute_set.save(result.attributes, path)
    return result


def _now(path: Path) -> AttributeSet | None:
    try:
        return attribute_set.load(path) if path.exists() else None
    except UserError as error:
        raise UserError(
            f"was changed during the build and cannot be read now, so nothing was written:\n{error}",
            code="build-changed-meanwhile",
            file=path,
            remedy="\nCorrect it, then run the same command again: the answers are in the cache.",
        ) from error


def _merged(result: Result, base: AttributeSet | None, card: Card, now: AttributeSet) -> Result:
    filled: dict[Slot, Filled] = {}
    conflicts = []
    for slot, mine in result.filled.items():
        before, theirs = texts_of(base, card, slot), texts_of(now, card, slot)
        if theirs == before:
            filled[slot] = mine
        elif theirs != list(mine.texts):
            texts = tuple(merged_texts(before or (), mine.texts, theirs or ()))
            filled[slot] = replace(mine, texts=texts, generated=mine.generated or mine.texts)
            conflicts.append(slot)
    attributes = with_filled(now, card, filled) if filled else now
    return replace(result, attributes=attributes, conflicts=tuple(conflicts))
