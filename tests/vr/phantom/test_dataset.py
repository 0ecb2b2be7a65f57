"""The demo dataset: its layout, its counts, its overlap, and that it appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema import card as cards
from vr.data.sources import open_dataset
from vr.phantom import dataset
from vr.phantom.dataset import draw_dataset, picture_of
from vr.phantom.kidney import LOOKS, draw_kidney


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "PER_CLASS", {"train": 3, "val": 1, "test": 2})


Drawn = dict[str, list[dict[str, list[frozenset[str]]]]]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """By class: what 90 pictures hold (their grey values aside)."""
    return {
        name: [
            {
                "findings": [finding.values for finding in kidney.findings],
                "incidental": [finding.values for finding in kidney.incidental],
            }
            for number in range(90)
            for kidney in [draw_kidney(name, np.random.default_rng((5, label, number)))]
        ]
        for label, name in enumerate(LOOKS)
    }


def test_it_is_drawn_where_it_is_missing_and_opens_with_the_promised_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VR_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(dataset, "draw_kidney", _quick)
    card, source = open_dataset("kidney-phantom")
    assert card.counts is not None
    assert {split: len(items) for split, items in source.splits.items()} == card.counts.model_dump()
    for split, items in source.splits.items():
        assert set(Counter(item.label for item in items).values()) == {dataset.PER_CLASS[split]}
    image = source.read(source.splits["test"][0].path)
    assert image.size == (128, 128)


@cache
def _one_kidney() -> Any:
    return draw_kidney("kidney cyst", np.random.default_rng(0))


def _quick(class_name: str, rng: np.random.Generator) -> Any:
    kidney = _one_kidney()
    noise = rng.integers(0, 256, kidney.picture.shape, dtype=np.uint8)
    return type(kidney)(noise, kidney.organ, kidney.findings, kidney.incidental)


@pytest.mark.usefixtures("few")
def test_layout_and_record_of_what_was_drawn(tmp_path: Path) -> None:
    folder = tmp_path / "KidneyPhantom"
    draw_dataset(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "KidneyPhantom", "findings.json", "split_KidneyPhantom.json",
    ]  # fmt: skip
    card = cards.find("kidney-phantom")
    rows = json.loads((folder / "split_KidneyPhantom.json").read_text())
    record = json.loads((folder / "findings.json").read_text())
    assert record["format"] == dataset.FORMAT
    listed = [row for split in ("train", "val", "test") for row in rows[split]]
    assert sorted(row[0] for row in listed) == sorted(record["pictures"])
    for path, label, name in listed:
        assert card.class_names[label] == name
        assert path.startswith(f"{card.classes[label].folder}/")
        actual = record["pictures"][path]
        assert len(actual["findings"]) == (0 if name == "normal kidney" else 1)
        with Image.open(folder / "KidneyPhantom" / path) as image:
            assert (image.size, image.mode) == ((128, 128), "L")


@pytest.mark.usefixtures("few")
def test_two_drawings_are_the_same_file_by_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        draw_dataset(tmp_path / name)
    assert _content(tmp_path / "one") == _content(tmp_path / "other")
    assert len(_content(tmp_path / "one")) == 26


def _content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_picture_depends_on_split_class_and_number_alone() -> None:
    one = picture_of("val", 2, "kidney tumor", 7)
    picture_of("test", 0, "kidney cyst", 1)
    other = picture_of("val", 2, "kidney tumor", 7)
    assert one.picture.tobytes() == other.picture.tobytes()
    assert one.picture.tobytes() != picture_of("test", 2, "kidney tumor", 7).picture.tobytes()


@pytest.mark.usefixtures("few")
def test_an_interrupted_drawing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def interrupted(class_name: str, rng: np.random.Generator) -> Any:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(class_name)
        return draw_kidney(class_name, rng)

    monkeypatch.setattr(dataset, "draw_kidney", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_dataset(tmp_path / "data" / "KidneyPhantom")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.usefixtures("few")
def test_a_killed_drawing_leaves_nothing_that_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill cannot clean up; what it leaves has another name, and the next use draws anew."""
    monkeypatch.setenv("VR_DATA", str(tmp_path))
    left = tmp_path / ".KidneyPhantom.abc"
    (left / "KidneyPhantom").mkdir(parents=True)
    _, source = open_dataset("kidney-phantom")
    assert source.root == tmp_path / "KidneyPhantom"
    assert len(source.splits["train"]) == 12


@pytest.mark.usefixtures("few")
def test_a_second_process_that_was_faster_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "KidneyPhantom"
    first = dataset._draw_into

    def slower(temporary: Path, card: cards.Card) -> None:
        first(temporary, card)
        monkeypatch.setattr(dataset, "_draw_into", first)
        draw_dataset(folder)

    monkeypatch.setattr(dataset, "_draw_into", slower)
    draw_dataset(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["KidneyPhantom"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError) as caught:
        draw_dataset(tmp_path / "file" / "KidneyPhantom")
    assert caught.value.code == "phantom-cannot-write"


def test_classes_overlap_but_differ(drawn: Drawn) -> None:
    """What tells a class is usual in it, rare but there in others."""

    def share(name: str, *values: str) -> float:
        return float(np.mean([any(set(values) <= f for f in each["findings"]) for each in drawn[name]]))

    assert share("kidney cyst", "density:dark") > 0.6
    assert 0.05 < share("kidney tumor", "density:dark") < 0.45
    assert share("kidney cyst", "texture:even") > 0.4 > share("kidney tumor", "texture:even") > 0.05
    assert share("kidney stone", "density:white") > 0.7
    assert share("kidney tumor", "shape:lobed") > 0.35
    assert 0.02 < share("kidney cyst", "shape:lobed") < 0.35
    for name in ("kidney cyst", "kidney tumor", "normal kidney"):
        flecks = [any("density:white" in f for f in each["incidental"]) for each in drawn[name]]
        assert 0.02 < np.mean(flecks) < 0.4, name


def test_a_reader_of_the_findings_is_good_but_not_perfect(
    drawn: Drawn,
) -> None:
    """Logistic regression on the drawn values themselves: what no reader of pixels can beat by much."""
    from sklearn.linear_model import LogisticRegression

    from vr.phantom.finding import VALUES

    told = [
        (frozenset().union(*each["findings"], *each["incidental"]), label)
        for label, pictures in enumerate(drawn.values())
        for each in pictures
    ]
    order = np.random.default_rng(0).permutation(len(told))
    x = np.array([[value in told[i][0] for value in VALUES] for i in order], dtype=float)
    y = np.array([told[i][1] for i in order])
    accuracy = LogisticRegression(max_iter=500).fit(x[:240], y[:240]).score(x[240:], y[240:])
    assert 0.7 < accuracy < 0.97
