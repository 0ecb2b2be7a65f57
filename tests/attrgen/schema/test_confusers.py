"""Which ordered pairs are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.schema import confusers
from attrgen.schema.card import Card, CardClass

A, B, C = "smooth lump", "spiky lump", "plain tissue"


@pytest.fixture
def many(card: Card) -> Card:
    classes = tuple(CardClass(name=f"type {i}", folder=f"type_{i}") for i in range(100))
    return card.model_copy(update={"classes": classes})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rows = [(A, C), (A, B), (A, C), (A, A), (B, A), (C, C)]
    lines = [f"x/{n}.png,{label},{predicted},0.1" for n, (label, predicted) in enumerate(rows)]
    (tmp_path / "predictions.csv").write_text("\n".join(["path,label,predicted,logit", *lines]) + "\n")
    return tmp_path


def test_every_ordered_pair_when_classes_are_few(card: Card) -> None:
    assert confusers.choose(card) == {A: (B, C), B: (A, C), C: (A, B)}


def test_many_classes_are_left_to_the_llm(many: Card) -> None:
    assert set(confusers.choose(many).values()) == {confusers.MOST_LIKELY}
    assert set(confusers.choose(many, 5).values()) == {5}
    calls = 100 + 100 * confusers.MOST_LIKELY
    assert calls < 9900


def test_all_means_all(many: Card) -> None:
    assert sum(len(others) for others in confusers.choose(many, "all").values()) == 9900  # type: ignore[arg-type]


def test_a_limit_below_the_number_of_classes_is_left_to_the_llm(card: Card) -> None:
    assert confusers.choose(card, 1) == {A: 1, B: 1, C: 1}
    assert confusers.choose(card, 2) == confusers.choose(card)


def test_the_list_in_the_card(card: Card) -> None:
    listed = card.model_copy(update={"confusers": {A: (C, B)}})
    assert confusers.choose(listed)[A] == (C, B)
    assert confusers.choose(listed, 1) == {A: (C,), B: 1, C: 1}
    assert confusers.choose(listed, "all")[A] == (B, C)


def test_the_mistakes_of_a_run(card: Card, run: Path) -> None:
    assert confusers.choose(card, None, run) == {A: (C, B), B: (A,), C: ()}
    assert confusers.choose(card, 1, run) == {A: (C,), B: (A,), C: ()}


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("path,label\nx,smooth lump\n", "confusers-missing-column", None),
        ("path,label,predicted\nx,smooth lump,wolf\n", "confusers-unknown-class", 2),
        ("path,label,predicted\nx,smooth lump\n", "confusers-unknown-class", 2),
        ("path,label,predicted\nx,smooth lump,smooth lump\n", "confusers-no-mistakes", None),
        ("", "confusers-missing-column", None),
        ("path,label,predicted\nx," + "y" * 200_000 + ",z\n", "confusers-not-csv", 2),
    ],
)
def test_unusable_predictions(card: Card, tmp_path: Path, content: str, code: str, line: int | None) -> None:
    (tmp_path / "predictions.csv").write_text(content)
    with pytest.raises(UserError) as caught:
        confusers.from_run(card, tmp_path)
    assert (caught.value.code, caught.value.line) == (code, line)


def test_a_wrong_run_directory(card: Card, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        confusers.from_run(card, tmp_path / "none")
    assert caught.value.code == "file-missing"
