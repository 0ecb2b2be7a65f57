"""The curated library: every set fits its card, holds what is promised, and passes its own linter."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.checks import check_set
from attrgen.schema import attribute_set, card, matching

LIBRARY = Path(__file__).parents[3] / "data" / "attributes"
NAMES = (
    "btmri",
    "busi",
    "chmnist",
    "covid-19",
    "ct-kidney",
    "dermamnist",
    "kidney-phantom",
    "knee-xray",
    "kvasir",
    "lung-colon",
    "octmnist",
    "retina",
)
MANY_CLASSES = {"chmnist", "kvasir"}  # 56 ordered pairs: only the likeliest confusers are promised
FEWEST_CONFUSERS = 3


def _load(name: str) -> attribute_set.AttributeSet:
    path = LIBRARY / f"{name}.json"
    return matching.for_card(attribute_set.load(path), card.find(name), file=path)


def test_library_is_one_set_for_each_biomedical_card_and_the_demo() -> None:
    assert sorted(path.stem for path in LIBRARY.glob("*.json")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestSet:
    def test_spells_dataset_and_classes_as_the_card_does(self, name: str) -> None:
        raw = attribute_set.load(LIBRARY / f"{name}.json")
        assert raw.dataset == name
        assert tuple(raw.classes) == card.find(name).class_names
        for attributes in raw.classes.values():
            assert set(attributes.confusion or {}) <= set(raw.classes)

    def test_is_written_as_save_would_write_it(self, name: str) -> None:
        path = LIBRARY / f"{name}.json"
        assert path.read_text(encoding="utf-8") == attribute_set.dumps(attribute_set.load(path))

    def test_says_that_it_is_curated(self, name: str) -> None:
        provenance = _load(name).provenance
        assert provenance["source"] == "curated"
        assert {"by", "date", "basis", "licence"} <= set(provenance)

    def test_holds_the_promised_counts(self, name: str) -> None:
        library = _load(name)
        for class_name, attributes in library.classes.items():
            assert len(attributes.texts("descriptive")) == 10, class_name
            assert len(attributes.texts("distinctive")) == 10, class_name
            confusion = attributes.confusion or {}
            others = set(library.classes) - {class_name}
            if name in MANY_CLASSES:
                assert len(confusion.keys() & others) >= FEWEST_CONFUSERS, class_name
            else:
                assert set(confusion) == others, class_name
            assert {len(texts) for texts in confusion.values()} == {5}, class_name

    def test_repeats_no_text_anywhere(self, name: str) -> None:
        texts = [entry.text.casefold() for entry in _load(name).entries()]
        assert len(texts) == len(set(texts))

    def test_has_no_finding_of_error_or_warning_level(self, name: str) -> None:
        findings = check_set(_load(name), card.find(name))
        assert [f for f in findings if f.level in ("error", "warning")] == []
