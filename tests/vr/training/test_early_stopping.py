"""Early stopping, validation curves, class weights, a quick try: what they change and never see."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from typer.testing import CliRunner

from vr.cli import app
from vr.data.sampling.view import limited
from vr.data.sources import open_dataset
from vr.evaluation import evaluation
from vr.runs import run as runs
from vr.runs.history import read_history
from vr.runs.selection import is_exhausted
from vr.training.train import run_experiment
from vr.training.trainer import balanced_weights


def _row(epoch: int, accuracy: float, loss: float = 1.0) -> dict[str, float]:
    return {"epoch": epoch, "val_accuracy": accuracy, "val_loss": loss}


def test_patience_counts_from_the_best_epoch() -> None:
    history = [_row(1, 0.5), _row(2, 0.6), _row(3, 0.6), _row(4, 0.5)]
    assert is_exhausted(history, 2) and not is_exhausted(history, 3)
    assert not is_exhausted([*history, _row(5, 0.6, 0.9)], 2)  # equal accuracy, lower loss: better
    assert not is_exhausted(history, None) and not is_exhausted([], 1)


def test_it_stops_where_validation_no_longer_improves_and_keeps_the_best(toy: Any, tmp_path: Path) -> None:
    said: list[str] = []
    recipe = {"epochs": 40, "batch_size": 5, "lr": 400.0, "early_stopping": 1}
    path = run_experiment(toy.experiment(recipe=recipe, out=tmp_path / "run"), say=said.append).path
    history = read_history(path)
    assert len(history) < 40 and any("stopped after epoch" in line for line in said)
    best = runs.read_metrics(path)["selected_epoch"]
    assert history[-1]["epoch"] - best == 1 and runs.read_config(path).select == "val"
    # The same epochs as a longer run, and its selection up to there.
    longer = run_experiment(
        toy.experiment(recipe={**recipe, "early_stopping": None}, select="val", out=tmp_path / "longer")
    ).path
    same = read_history(longer)[: len(history)]
    assert [row["val_loss"] for row in same] == [row["val_loss"] for row in history]


def test_the_test_set_is_not_opened_before_the_end(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        pass

    def stop(*_: Any, **__: Any) -> Any:
        raise Stop

    monkeypatch.setattr(evaluation, "evaluate", stop)
    monkeypatch.setattr("vr.training.execution.evaluate", stop)
    epochs: list[dict[str, float]] = []
    asked = toy.experiment(
        recipe={"epochs": 3, "batch_size": 5, "early_stopping": 2}, validate_epochs=True, out=tmp_path / "run"
    )
    with pytest.raises(Stop):
        run_experiment(asked, on_epoch=lambda row, _: epochs.append(row))
    assert epochs and all("val_accuracy" in row for row in epochs)


def test_a_validation_curve_changes_nothing_else(toy: Any, toy_run: Path, tmp_path: Path) -> None:
    path = run_experiment(toy.experiment(validate_epochs=True, out=tmp_path / "run")).path
    assert (path / runs.PREDICTIONS).read_bytes() == (toy_run / runs.PREDICTIONS).read_bytes()
    assert "val_accuracy" in read_history(path)[0] and "val_accuracy" not in read_history(toy_run)[0]
    assert "validation" in (path / runs.REPORT).read_text()
    assert runs.read_config(path).fingerprint == runs.read_config(toy_run).fingerprint


def test_balanced_weights_are_those_of_sklearn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    assert torch.allclose(balanced_weights(labels, 3).double(), torch.tensor(expected))
    assert balanced_weights(labels, 4)[3] == 0


def test_weights_reach_the_loss(tiny: Any, toy: Any) -> None:
    from attrgen.schema import attribute_set
    from attrgen.schema import card as cards
    from vr.methods import find_method
    from vr.methods.common.base import Context
    from vr.methods.common.contributions import Scores

    labels, logits = (
        torch.tensor([0, 0, 0, 1, 2]),
        torch.randn(5, 3, generator=torch.Generator().manual_seed(1)),
    )
    context = Context(tiny, cards.load(toy.card), attribute_set.load(toy.attrs))
    for name in ("attrvr", "biomedvr"):
        method = find_method(name)(context)
        method.class_weights = balanced_weights(labels, 3)
        expected = F.cross_entropy(logits, labels, balanced_weights(labels, 3))
        scores = Scores(logits, logits, logits) if name == "biomedvr" else Scores(logits)
        assert torch.equal(method.loss(scores, labels).cross_entropy, expected)
        assert not torch.equal(expected, F.cross_entropy(logits, labels))


def test_a_limited_split_has_as_many_of_each_class(toy: Any) -> None:
    _, source = open_dataset(str(toy.card), toy.data)
    few, more = limited(source, "test", 6), limited(source, "test", 7)
    assert set(Counter(item.label for item in few.splits["test"]).values()) == {2}
    assert set(few.splits["test"]) < set(more.splits["test"])
    assert few.splits["train"] == source.splits["train"]
    assert set(limited(source, "test", 99).splits["test"]) == set(source.splits["test"])


def test_a_quick_try_says_so_everywhere(toy: Any, tmp_path: Path) -> None:
    from vr.report.model_card import model_card
    from vr.report.run_facts import read_facts
    from vr.runs.naming import label_of

    path = run_experiment(toy.experiment(limit=6, runs=tmp_path)).path
    assert "limit=6" in str(path) and "limit=6" in label_of(runs.read_config(path))
    metrics = runs.read_metrics(path)
    assert (metrics["images"], metrics["limited_from"]) == (6, 12)
    assert "only 6 of 12" in (path / runs.REPORT).read_text()
    assert "6 test images of 12" in model_card(read_facts(path))


def test_a_dry_run_trains_and_writes_nothing(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vr.clip.backbone.load", lambda *_, **__: pytest.fail("loaded"))
    words = ["train", "--dataset", str(toy.card), "--attrs", str(toy.attrs), "--data", str(toy.data)]
    result = CliRunner().invoke(app, [*words, "--shots", "4", "--set", "k=2", "--dry-run"])
    assert result.exit_code == 0, result.output
    for part in ("15 train, 6 val, 12 test", "12 in all", "k 2", "biomedvr", "id "):
        assert part in result.stdout, part
    assert list(tmp_path.iterdir()) == []
    enough = CliRunner().invoke(app, [*words, "--shots", "9", "--dry-run"])
    assert enough.exception is not None
