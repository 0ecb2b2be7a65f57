"""`vr tune`: what it reads, records and continues."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.data.formats.source import Item
from vr.report.comparison import formats, results, table
from vr.runs import run as runs
from vr.runs.experiment import Experiment
from vr.training.studies import tuning
from vr.training.studies.scoring import Scorer
from vr.training.studies.tuning import Budget, Trial, held_out, tune


def asked(toy: Any, folder: Path, **changes: Any) -> Experiment:
    values = {"method": "zs-lp", "attrs": None, "recipe": {"epochs": 2}, "runs": folder, **changes}
    made: Experiment = toy.experiment(**values)
    return made


def test_settings_are_chosen_on_held_out_images_and_recorded(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[Any] = []
    before = Scorer.__init__

    def spied(self: Scorer, *arguments: Any) -> None:
        before(self, *arguments)
        parts.extend(self.parts)

    monkeypatch.setattr(Scorer, "__init__", spied)
    trials: list[Trial] = []
    run = tune(asked(toy, tmp_path), Budget(3, "folds", 2), on_trial=trials.append)
    assert [trial.number for trial in trials] == [1, 2, 3]
    assert len(parts) == 2
    for train, rest in parts:
        assert all(item.path.startswith("train/") for item in (*train, *rest))
        assert not {item.path for item in train} & {item.path for item in rest}
    record = run.config.tuning
    assert record is not None and (record.trials, record.by, record.folds) == (3, "folds", 2)
    assert trials[0].settings["lr"] == 0.1  # the default is the first that is tried
    assert record.default_accuracy == trials[0].accuracy
    best = max(trials, key=lambda trial: trial.accuracy or 0)
    assert record.accuracy == best.accuracy == trials[-1].best
    assert run.config.recipe.lr in {trial.settings["lr"] for trial in trials}
    (result,) = results.find([tmp_path])
    assert result.label == "zs-lp tuned=3 epochs=2" or result.label == "zs-lp epochs=2 tuned=3"
    (made,) = table.make_tables([result])
    assert "chose their settings" in formats.to_markdown(made)


def test_a_stopped_study_continues(toy: Any, tmp_path: Path) -> None:
    def stop(trial: Trial) -> None:
        raise KeyboardInterrupt

    experiment = asked(toy, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        tune(experiment, Budget(3, "val"), on_trial=stop)
    more: list[Trial] = []
    run = tune(experiment, Budget(3, "val"), on_trial=more.append, resume=True)
    assert [trial.number for trial in more] == [2, 3]
    again = tune(
        experiment, Budget(3, "val"), on_trial=lambda trial: pytest.fail("a trial again"), resume=True
    )
    assert again.path == run.path and (run.path / runs.METRICS).is_file()
    with pytest.raises(UserError) as caught:
        tune(asked(toy, tmp_path, recipe={"epochs": 2}, fewshot=run.path / runs.FEWSHOT), Budget(3, "val"))
    assert caught.value.code == "tune-other-settings"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20] + "\n",
        lambda text: text.replace('"accuracy"', '"precision"'),
        lambda text: text.replace('"accuracy":0.5', '"accuracy":NaN'),
        lambda text: text.replace("study_name", "name"),
        lambda text: text.replace('"values":[0.5]', '"values":[[0.5]]'),
        lambda text: "[]\n" + text,
        lambda text: "[" * 100_000 + "\n",
    ],
)
def test_a_damaged_journal_of_a_study(tmp_path: Path, damage: Any) -> None:
    journal = tmp_path / tuning.JOURNAL
    trial = tuning._opened(journal).ask()
    trial.set_user_attr("accuracy", 0.5)
    tuning._opened(journal).tell(trial.number, 0.5)
    whole = journal.read_text()
    journal.write_text(damage(whole))
    with pytest.raises(UserError) as caught:
        tuning._opened(journal)
    assert caught.value.code == "tune-damaged-study"
    journal.write_text(whole)
    assert tuning._best(tuning._opened(journal)) == 0.5


def test_groups_stay_together_and_classes_are_divided_evenly() -> None:
    items = [
        Item(f"{label}-{number}.png", label, group=f"patient {label}-{number // 2}")
        for label in range(3)
        for number in range(8)
    ]
    parts = held_out(items, Budget(folds=4))
    assert len(parts) == 4
    for train, rest in parts:
        assert not {item.group for item in train} & {item.group for item in rest}
        assert sorted(item.label for item in rest) == [0, 0, 1, 1, 2, 2]
    assert sorted(item.path for _, rest in parts for item in rest) == sorted(item.path for item in items)
    assert held_out([item for item in items if item.path.endswith("-0.png")], Budget()) == []


def test_what_cannot_be_tuned_is_refused(toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError) as caught:
        tune(asked(toy, tmp_path, method="ss-text", recipe={}), Budget(2))
    assert caught.value.code == "tune-nothing-to-tune"
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError) as caught:
        tuning.check_installed()
    assert caught.value.code == "tune-no-optuna" and "biomedvr[tune]" in str(caught.value)


def test_old_runs_keep_their_fingerprint(toy_run: Path) -> None:
    config = runs.read_config(toy_run)
    assert config.tuning is None
    assert config.model_copy(update={"control": None, "tuning": None}).fingerprint == config.fingerprint
