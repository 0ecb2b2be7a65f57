"""Images that trained a run are never measured as test images, wherever a changed collection has them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.cli.measured import metric_lines
from vr.data.formats.source import ImageSource, Item
from vr.data.sampling import fewshot
from vr.data.sources import open_source
from vr.evaluation.evaluation import evaluate_run
from vr.evaluation.seen_images import seen_images
from vr.methods.common.base import Method
from vr.report import captions, diagnostics
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.run import Run


@pytest.fixture
def run(toy_run: Path, tmp_path: Path, toy: Any) -> Run:
    return runs.load_run(Path(shutil.copytree(toy_run, tmp_path / "run")))


@pytest.fixture
def source(run: Run, toy: Any) -> ImageSource:
    return open_source(run.card, toy.data)


@pytest.fixture
def trained(run: Run, source: ImageSource) -> Item:
    return fewshot.load(run.path / runs.FEWSHOT, source, run.card).train[0]


def with_test(source: ImageSource, *items: Item) -> ImageSource:
    return replace(source, splits={**source.splits, "test": items})  # type: ignore[type-var]


def test_a_trained_image_in_the_test_split_is_left_out_and_counted(
    run: Run, source: ImageSource, trained: Item
) -> None:
    before = evaluate_run(run, source)
    assert "seen" not in before
    moved = with_test(source, *source.splits["test"], trained)
    metrics = evaluate_run(run, moved)
    assert (metrics["seen"], metrics["images"]) == (1, before["images"])
    assert metrics["overall"] == before["overall"]
    assert any("Left out: 1 image that trained this run" in line for line in metric_lines(metrics))
    bins = diagnostics.reliability(predictions.load(run.path / runs.PREDICTIONS))
    assert any(
        "Left out: 1 image that trained this run" in line for line in captions.warnings(metrics, bins, None)
    )
    assert json.loads((run.path / runs.METRICS).read_text())["seen"] == 1
    assert evaluate_run(run, moved, split="train")["images"] == len(source.splits["train"])


def test_with_it_its_patient_is_left_out(run: Run, source: ImageSource, trained: Item) -> None:
    first, *others = source.splits["test"]
    items = [replace(item, group="p") for item in (first, trained)]
    items += [replace(item, group=item.path) for item in others]
    assert seen_images(run, source, items, renamed=False) == {first.path, trained.path}


def test_where_images_are_renamed_they_are_known_by_content(
    run: Run, source: ImageSource, trained: Item, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(source.root, tmp_path / "copy"))
    folder = copy / "test" / Path(trained.path).parent.name
    shutil.copy(source.root / trained.path, folder / "other-name.png")
    other = open_source(run.card, copy)
    items = list(other.splits["test"])
    renamed = f"test/{folder.name}/other-name.png"
    assert seen_images(run, other, items, renamed=True) == {renamed}
    assert seen_images(run, other, items, renamed=False) == set()
    # Another image under the path of one that trained is another image.
    shutil.copy(source.root / source.splits["test"][0].path, copy / trained.path)
    assert seen_images(run, open_source(run.card, copy), [trained], renamed=False) == set()


def test_only_images_that_trained_the_run_are_an_error(run: Run, source: ImageSource, trained: Item) -> None:
    with pytest.raises(UserError) as caught:
        evaluate_run(run, with_test(source, trained))
    assert caught.value.code == "evaluation-only-seen"


def test_validation_images_count_where_a_choice_was_made_on_them(run: Run, source: ImageSource) -> None:
    val = fewshot.load(run.path / runs.FEWSHOT, source, run.card).val

    class Chooses(Method):
        def finish(self, val: Any) -> None: ...

    chose = Run(run.path, run.config, Chooses.__new__(Chooses), None)
    assert seen_images(run, source, val, renamed=False) == set()
    assert seen_images(chose, source, val, renamed=False) == {item.path for item in val} != set()
