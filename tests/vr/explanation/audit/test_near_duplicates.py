"""Near-duplicates of made-up embeddings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attrgen.schema.attribute_set import Entry
from vr.explanation.audit.near_duplicates import near_duplicates


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_only_texts_that_should_differ_are_listed() -> None:
    def entry(class_name: str, kind: str, confused: str | None, text: str) -> Entry:
        return Entry(class_name, kind, confused, 0, text)

    entries = [
        entry("cyst", "descriptive", None, "a"),
        entry("cyst", "descriptive", None, "b"),  # the same list: the same said twice
        entry("cyst", "distinctive", None, "c"),  # another list of the same class: allowed
        entry("stone", "confusion", "cyst", "d"),  # also describes a cyst: allowed
        entry("stone", "descriptive", None, "e"),  # another class: contradicts
        entry("tumor", "descriptive", None, "f"),  # far away
    ]
    texts = unit(np.ones((6, 4)) + 0.01 * np.arange(24).reshape(6, 4) * np.eye(6, 4))
    texts[5] = [1, 0, 0, 0]
    actual = near_duplicates(entries, texts, 0.99)
    pairs = {(pair.first.text, pair.second.text): pair.suggestion for pair in actual}
    assert set(pairs) == {("a", "b"), ("a", "e"), ("b", "e"), ("c", "e"), ("d", "e")}
    assert pairs["a", "b"] == "the same to the model: keep one"
    assert "describes cyst and stone alike" in pairs["d", "e"]
    assert [pair.cosine for pair in actual] == sorted((pair.cosine for pair in actual), reverse=True)
    assert near_duplicates(entries, texts, 1.1) == []
