"""Lists of texts that two writers changed since both read them: the changes of both are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrgen.schema.attribute_set import ClassAttributes


def merged_texts(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """The list with the changes of both.

    Texts that one of them removed or reworded do not come back; texts that one of them added or reworded
    stay. Theirs come first, in their order; a text that differs from another only in case or spaces is the
    same.

    Args:
        base: the list as both read it.
        mine: as one of them changed it.
        theirs: as the other one changed it.
    """
    if list(theirs) == list(base):
        return list(mine)
    before = set(base)
    removed = before - set(mine)
    kept = [text for text in theirs if text not in removed]
    known = {_folded(text) for text in kept}
    return kept + [text for text in mine if text not in before and _folded(text) not in known]


def merged_class(
    base: ClassAttributes, mine: ClassAttributes, theirs: ClassAttributes
) -> ClassAttributes | None:
    """A class with the changes of both, each to other lists; None where both changed the same list."""
    lists = [_lists(one) for one in (base, mine, theirs)]
    merged: dict[str, Any] = {}
    for key in dict.fromkeys(key for one in reversed(lists) for key in one):
        before, ours, other = (one.get(key) for one in lists)
        if before not in (ours, other) and ours != other:
            return None
        texts = ours if other == before else other
        if texts is not None:
            kind, confused = key
            if confused is None:
                merged[kind] = texts
            else:
                merged.setdefault(kind, {})[confused] = texts
    return ClassAttributes.model_validate(merged)


def _lists(value: ClassAttributes) -> dict[tuple[str, str | None], list[str]]:
    lists: dict[tuple[str, str | None], list[str]] = {}
    for kind, texts in value.model_dump(exclude_none=True).items():
        if isinstance(texts, dict):
            lists |= {(kind, confused): of_pair for confused, of_pair in texts.items()}
        else:
            lists[kind, None] = texts
    return lists


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
