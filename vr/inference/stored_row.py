"""The form of the rows of journals and parts, which a damaged file may not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from attrgen.core.decoding import cached
from attrgen.core.validation import Strict


class _Predicted(Strict):
    """See `vr.inference.prediction_table.row_of`; rows of older versions have no position."""

    at: int = Field(0, ge=0)
    path: str
    predicted: str
    confidence: float
    abstained: bool
    set: list[str] | None = None
    flagged: bool | None = None
    probabilities: dict[str, float]


class _Unreadable(Strict):
    """An image that could not be read."""

    at: int = Field(ge=0)
    path: str
    error: str
    code: str
    remedy: str


class _End(Strict):
    """What closes a complete journal: how many images the list has, and its digest."""

    images: int = Field(ge=0)
    list: str


class _Ending(Strict):
    end: _End


def fits(row: Mapping[str, Any], head: Mapping[str, Any]) -> bool:
    """Whether a row has the form that the settings of its journal say."""
    classes = head.get("classes")
    if not isinstance(classes, list):
        return True
    if "end" in row:
        return is_end(row)
    return has_form(row, classes, sets=_has_sets(head), flags=head.get("point") is not None)


def has_form(row: Mapping[str, Any], classes: Sequence[str], *, sets: bool, flags: bool) -> bool:
    """Whether a row is that of an image that could not be read, or of a prediction of these classes.

    Args:
        sets, flags: whether predictions have a set, and are flagged or not.
    """
    kind: type[BaseModel] = _Predicted if row.get("error") is None else _Unreadable
    stored = cached(lambda: kind.model_validate(row, strict=True))
    if not isinstance(stored, _Predicted):
        return stored is not None
    if ((stored.set is not None), (stored.flagged is not None)) != (sets, flags):
        return False
    names = {stored.predicted, *(stored.set or ())}
    return list(stored.probabilities) == list(classes) and names <= set(classes)


def is_end(row: Mapping[str, Any]) -> bool:
    """Whether a row closes a journal."""
    return cached(lambda: _Ending.model_validate(row, strict=True)) is not None


def is_head(head: Mapping[str, Any]) -> bool:
    """Whether the settings of a journal name classes, and say whether there are sets."""
    classes, sets = head.get("classes"), head.get("sets")
    has_names = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    return has_names and isinstance(sets, list) and len(sets) == 2


def _has_sets(head: Mapping[str, Any]) -> bool:
    """Whether a journal's rows have sets, by its settings."""
    sets = head.get("sets")
    return isinstance(sets, list) and len(sets) == 2 and sets[1] != str(None)
