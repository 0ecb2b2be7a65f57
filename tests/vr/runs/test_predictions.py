"""`predictions.csv`: written and read again; damage is reported by line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attrgen.core.errors import UserError
from vr.runs import predictions as tables
from vr.runs.predictions import Predictions


def test_predictions_survive_the_file(tmp_path: Path) -> None:
    actual = Predictions(
        ("a", "b"), ("1.png", "2.png"), torch.tensor([0, 1]), torch.tensor([[0.25, -1.5], [1e-3, 2.0]])
    )
    tables.save(actual, tmp_path / "predictions.csv")
    again = tables.load(tmp_path / "predictions.csv")
    assert again.classes == actual.classes and again.paths == actual.paths
    assert torch.equal(again.labels, actual.labels)
    assert torch.allclose(again.logits, actual.logits, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "predictions-not-a-table"),
        ("path,label,predicted,a,b\n", "predictions-empty"),
        ("path,label,predicted,a,b\nx.png,z,a,1,2\n", "predictions-damaged-row"),
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
