"""`vr mine` on the toy dataset, with a scripted LLM: what is asked, recorded, continued and refused."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from vr.report.comparison import results
from vr.runs import run as runs
from vr.runs.predictions import Predictions
from vr.training.studies.mining import LOG, SET, Miner, worst_pairs


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A scripted LLM, which `attrgen` in a process of its own finds by the environment."""
    file = Path(__file__).parents[3] / "attrgen" / "scripted_server.py"
    spec = importlib.util.spec_from_file_location("scripted_server_of_mining", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    monkeypatch.setenv("ATTRGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with module.Server() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        yield running


@pytest.fixture
def run(confused_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(confused_run, tmp_path / "runs" / "first"))


def miner(toy: Any, run: Path, said: list[str], **changes: Any) -> Miner:
    loading = {"backbone": str(toy.backbone), "weights": "random", "device": "cpu"}
    return Miner(
        **{"path": run, "pairs": 2, "data": toy.data, "loading": loading, "say": said.append, **changes}
    )


def lists(attributes: AttributeSet) -> dict[tuple[str, str, str | None], list[str]]:
    rows: dict[tuple[str, str, str | None], list[str]] = {}
    for entry in attributes.entries():
        rows.setdefault((entry.class_name, entry.kind, entry.confused), []).append(entry.text)
    return rows


def test_new_texts_are_asked_for_exactly_the_worst_pairs(toy: Any, run: Path, server: Any) -> None:
    said: list[str] = []
    mined = miner(toy, run, said).mine(1)
    (made,) = mined.rounds
    folder = run.with_name("first-mined")
    before, after = runs.load_attributes(run), attribute_set.load(folder / "round-1" / SET)
    assert before is not None
    old, new = lists(before), lists(after)
    assert old.keys() == new.keys()
    pairs = {(name, "confusion", other) for name, other, *_ in made.pairs}
    assert {key for key in old if old[key] != new[key]} == pairs and 1 <= len(pairs) <= 2
    (note,) = after.provenance["mined"]
    assert note["from"] == before.id and note["round"] == 1
    assert [(p["class"], p["taken_for"], p["mistakes"]) for p in note["pairs"]] == [
        p[:3] for p in map(tuple, made.pairs)
    ]

    config = runs.read_config(Path(made.run))
    assert config.mined == 1 and config.attributes is not None and config.attributes.id == after.id
    assert {result.label.split(" ")[-1] for result in results.find([run.parent])} >= {"mined=1"}
    log = json.loads((folder / LOG).read_text())
    assert log["rounds"][0]["before"] == made.before and log["rounds"][0]["after"] == made.after
    assert mined.best == (Path(made.run) if made.improved else run)

    server.script = None  # nobody is asked again
    again = miner(toy, run, said).mine(1)
    assert again.rounds == mined.rounds


def test_a_failing_llm_is_an_error_that_says_so(toy: Any, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UserError) as caught:
        miner(toy, run, []).mine(1)
    assert caught.value.code == "mine-attrgen-failed"


def test_a_method_without_confusion_texts_is_refused(toy: Any, tmp_path: Path) -> None:
    from vr.training.train import run_experiment

    changes = {"method": "zero-shot", "options": {}, "recipe": {}, "attrs": None, "out": tmp_path / "zero"}
    run_experiment(toy.experiment(**changes))
    with pytest.raises(UserError) as caught:
        miner(toy, tmp_path / "zero", []).mine(1)
    assert caught.value.code == "mine-no-confusion-texts"


def test_worst_pairs_are_counted_by_direction() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    answers = torch.tensor([1, 1, 0, 0, 2, 1, 1])
    scored = Predictions(
        ("a", "b", "c"), tuple("1234567"), labels, torch.nn.functional.one_hot(answers, 3).float()
    )
    assert worst_pairs(scored, 3) == [(("a", "b"), 2), (("c", "b"), 2), (("b", "a"), 1)]
