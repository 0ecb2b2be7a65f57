"""`predictions.csv`: written and read again; damage is reported by line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attrgen.core.errors import UserError
from vr.runs import predictions as tables
from vr.runs.predictions import Predictions, checked


def test_predictions_survive_the_file(tmp_path: Path) -> None:
    actual = Predictions(
        ("a", "b"), ("1.png", "2.png"), torch.tensor([0, 1]), torch.tensor([[0.25, -1.5], [1e-3, 2.0]])
    )
    tables.save(actual, tmp_path / "predictions.csv")
    again = tables.load(tmp_path / "predictions.csv")
    assert again.classes == actual.classes and again.paths == actual.paths
    assert torch.equal(again.labels, actual.labels)
    assert torch.allclose(again.logits, actual.logits, atol=1e-6)


def test_groups_survive_as_numbers_that_name_no_patient(tmp_path: Path) -> None:
    file = tmp_path / "predictions.csv"
    patients = ((True, "patient-7"), (False, "2.png"), (True, "patient-7"))
    actual = Predictions(
        ("a", "group"), ("1.png", "2.png", "3.png"), torch.tensor([0, 1, 1]), torch.eye(3, 2), patients
    )
    tables.save(actual, file)
    assert file.read_text().splitlines()[0] == "path,group,label,predicted,a,group"
    assert "patient-7" not in file.read_text()
    again = tables.load(file)
    assert again.groups is not None
    assert again.groups[0] == again.groups[2] != again.groups[1]
    assert again.classes == actual.classes and torch.equal(again.labels, actual.labels)
    assert torch.equal(again.logits, actual.logits)


def test_folds_do_not_share_the_numbers_of_their_groups() -> None:
    def fold(name: str, groups: tuple[str, ...] | None) -> Predictions:
        return Predictions(("a", "b"), (f"{name}1", f"{name}2"), torch.tensor([0, 1]), torch.eye(2), groups)

    both = tables.joined([fold("x", ("1", "1")), fold("y", ("1", "2"))])
    assert both.groups is not None and len(set(both.groups)) == 3
    assert tables.joined([fold("x", ("1", "1")), fold("y", None)]).groups is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "predictions-not-a-table"),
        ("path,label,predicted,a,b\n", "predictions-empty"),
        ("path,label,predicted,a,b\nx.png,z,a,1,2\n", "predictions-damaged-row"),
        ("path,group,label,predicted,a,b\nx.png,1,z,a,1,2\n", "predictions-damaged-row"),
        ("path,group,label,predicted,a,b\nx.png\n", "predictions-damaged-row"),
        ("path,group,label,a,b\n", "predictions-not-a-table"),
        ("path,label,predicted,a,b\nx.png,a,a,1\n", "predictions-damaged-row"),
        ("path,label,predicted,a,b\nx.png,a,a,1,two\n", "predictions-damaged-row"),
    ],
)
def test_damaged_predictions_are_told_by_line(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "predictions.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        tables.load(tmp_path / "predictions.csv")
    assert caught.value.code == code
    assert caught.value.line == (2 if code == "predictions-damaged-row" else None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_no_numbers_are_refused(value: float) -> None:
    scores = torch.zeros(3, 2)
    assert checked(scores, "ab") is scores
    scores[1] = value
    with pytest.raises(UserError) as caught:
        checked(scores, "ab")
    assert caught.value.code == "model-scores-not-finite" and "1 of 3" in str(caught.value)


@pytest.mark.parametrize("names", ["a", "abc"])
def test_scores_of_other_classes_are_refused(names: str) -> None:
    with pytest.raises(UserError) as caught:
        checked(torch.zeros(3, 2), names)
    assert caught.value.code == "model-other-classes"
