"""Assessments of made-up embeddings, where it is known which texts are misplaced."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from attrgen.schema.attribute_set import OTHER, Entry
from vr.explanation.audit.assessment import Assessment, assess, described_class

CLASSES = ("cyst", "stone", "tumor", "normal")
SHOTS, WIDTH = 16, 64
Floats = NDArray[np.float64]


def unit(rows: Floats) -> Floats:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def images(rng: np.random.Generator, spread: float = 1.2) -> tuple[Floats, NDArray[np.int64]]:
    """Features that scatter around an axis a class."""
    labels = np.repeat(np.arange(4), SHOTS)
    noise = spread * rng.standard_normal((len(labels), WIDTH)) / np.sqrt(WIDTH)
    return unit(np.eye(WIDTH)[labels] + noise), labels


def a_set(rng: np.random.Generator) -> tuple[list[Entry], Floats]:
    """Ten texts of both positive kinds, and of confusion five a pair: near the axis of what they describe."""
    entries: list[Entry] = []
    for name in CLASSES:
        for kind in ("descriptive", "distinctive"):
            entries += [Entry(name, kind, None, i, f"text {len(entries) + i}") for i in range(10)]
        for other in CLASSES:
            if other != name:
                entries += [Entry(name, "confusion", other, i, f"text {len(entries) + i}") for i in range(5)]
    axes = np.eye(WIDTH)[[CLASSES.index(described_class(entry)) for entry in entries]]
    return entries, unit(axes + 1.5 * rng.standard_normal((len(entries), WIDTH)) / np.sqrt(WIDTH))


@pytest.mark.parametrize("seed", range(5))
def test_ten_misplaced_texts_are_among_the_worst_twelve(seed: int) -> None:
    rng = np.random.default_rng(seed)
    entries, texts = a_set(rng)
    features, labels = images(rng)
    movable = [i for i, entry in enumerate(entries) if entry.confused is None]
    planted = {}
    for i in rng.choice(movable, 10, replace=False):
        home = entries[i].class_name
        away = str(rng.choice([name for name in CLASSES if name != home]))
        entries[i] = entries[i]._replace(class_name=away, position=100 + int(i))
        planted[entries[i]] = home
    worst = assess(entries, texts, features, labels, CLASSES)[:12]
    actual = [each for each in worst if each.entry in planted]
    assert len(actual) >= 8
    right = [each for each in actual if each.best_class == planted[each.entry]]
    assert len(right) >= 8
    assert sum(f"scores higher on {planted[each.entry]}" in each.suggestion for each in actual) >= 8


def test_without_misplaced_texts_nearly_all_work() -> None:
    rng = np.random.default_rng(7)
    actual = assess(*a_set(rng), *images(rng), CLASSES)
    assert np.mean([each.works for each in actual]) > 0.9
    assert all(each.suggestion == "" for each in actual if each.works)
    honest = [each.high for each in actual if each.works]
    assert len(honest) > 100 and honest == sorted(honest)


def test_the_misplaced_come_first_and_those_that_work_last() -> None:
    """Images that show nothing: then the other texts alone say what is misplaced."""
    rng = np.random.default_rng(4)
    entries, texts = a_set(rng)
    entries[2] = entries[2]._replace(class_name="tumor", position=50)
    actual = assess(entries, texts, *images(rng, spread=20), CLASSES)
    place = next(i for i, each in enumerate(actual) if each.entry == entries[2])
    assert actual[place].likely_class == "cyst" and actual[place].misplaced
    assert "like cyst: move it there" in actual[place].suggestion or actual[place].misleading
    piles = [0 if each.misplaced else 2 if each.works else 1 for each in actual]
    assert piles == sorted(piles)
    assert place < 12


def only(entry: Entry, text: Floats, seed: int = 0) -> Assessment:
    features, labels = images(np.random.default_rng(seed), spread=0.5)
    return assess([entry], unit(text)[None], features, labels, CLASSES)[0]


def test_a_confusion_text_is_held_against_its_own_class() -> None:
    """It scores highest on tumors, and still tells the stone that it describes from the cyst."""
    axes = np.eye(WIDTH)
    entry = Entry("cyst", "confusion", "stone", 0, "a white speck")
    assessed = only(entry, axes[2] + 0.8 * axes[1])
    assert (assessed.described, assessed.best_class) == ("stone", "tumor")
    assert assessed.auroc == 1.0 and assessed.works and assessed.suggestion == ""
    swapped = only(entry, axes[2] + 0.8 * axes[0])
    assert swapped.auroc == 0.0
    assert swapped.suggestion == "scores higher on cyst itself: name what only stone shows"
    positive = only(Entry("stone", "descriptive", None, 0, "x"), axes[2] + 0.8 * axes[1])
    assert positive.auroc < 1.0  # against all others, tumors among them


def test_every_suggestion() -> None:
    cyst, stone, tumor, normal = np.eye(WIDTH)[:4]
    own = Entry("cyst", "descriptive", None, 0, "x")
    assert only(own, stone).suggestion.startswith("scores higher on stone: move it there")
    assert only(own, stone - cyst).suggestion.startswith("scores higher on stone: move it there")
    better_for_stone = only(own, 0.6 * cyst + stone)
    assert better_for_stone.low > 0.5 and better_for_stone.misleading and not better_for_stone.works
    assert better_for_stone.suggestion.startswith("scores higher on stone: move it there")
    assert not only(own, cyst + stone).misleading and only(own, cyst + stone).works
    less = only(own, stone + tumor + normal + 0.9 * cyst, seed=2)
    assert less.suggestion == "scores lower on cyst than on others: say the opposite, or something else"
    assert only(own, np.eye(WIDTH)[40]).suggestion.startswith("makes no difference here")
    assert only(own, cyst).suggestion == ""


def test_what_no_image_shows_is_not_assessed() -> None:
    entries = [
        Entry("cyst", "confusion", OTHER, 0, "an artefact"),
        Entry("cyst", "descriptive", None, 0, "x"),
    ]
    features, labels = images(np.random.default_rng(0))
    assessed = assess(entries, np.eye(WIDTH)[:2], features, labels, CLASSES)
    assert [each.entry for each in assessed] == entries[1:]
