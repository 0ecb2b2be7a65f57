"""What stands on a run's page, without a browser."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.data.sources import open_source
from vr.report import report_data, run_report
from vr.runs import predictions
from vr.runs import run as runs
from vr.training.train import run_experiment


def _alts(page: Any) -> list[str]:
    return [image["alt"] for image in page.all("img")]


def test_the_page_says_what_metrics_json_says(hostile_run: Path, read_page: Any) -> None:
    page = read_page(hostile_run / runs.REPORT)
    metrics = runs.read_metrics(hostile_run)
    overall, intervals = metrics["overall"], metrics["intervals"]
    low, high = (100 * value for value in intervals["accuracy"])
    assert f"{100 * overall['accuracy']:.1f} % 95% interval {low:.1f} to {high:.1f}" in page.text
    for key in ("balanced_accuracy", "macro_f1", "auroc", "ece"):
        assert f"{100 * overall[key]:.1f}%" in page.text
    assert f"{overall['nll']:.3f}" in page.text
    for name, values in metrics["per_class"].items():
        assert f"{name} {values['images']} {100 * values['recall']:.1f}%" in page.text
    wrong = sum(sum(row) for row in metrics["confusion_matrix"]) - sum(
        row[place] for place, row in enumerate(metrics["confusion_matrix"])
    )
    assert page.text.count(" sure. True class: ") == min(12, wrong)


def test_the_page_holds_every_section_and_names_it(hostile_run: Path, read_page: Any) -> None:
    page = read_page(hostile_run / runs.REPORT)
    targets = [link["href"] for link in page.all("a")]
    assert len(targets) == 12 and all(target[1:] in page.ids for target in targets)
    assert len(page.ids) == len(set(page.ids))
    labels = [svg["aria-label"] for svg in page.all("svg")]
    for start in (
        "Confusion matrix",
        "Reliability diagram",
        "ROC curves",
        "Precision-recall curves",
        "Loss by epoch",
        "Accuracy by epoch",
        "Gate by epoch",
    ):
        assert sum(label.startswith(start) for label in labels) == 1, start
    history = [row.split(",") for row in (hostile_run / runs.HISTORY).read_text().splitlines()]
    last = dict(zip(history[0], map(float, history[-1]), strict=True))
    assert f"The gate ended at {last['gate_pos']:.2f} : {last['gate_neg']:.2f}" in page.text


def test_images_texts_and_provenance_are_there(hostile_run: Path, read_page: Any) -> None:
    page = read_page(hostile_run / runs.REPORT)
    config = runs.read_config(hostile_run)
    listed = json.loads((hostile_run / runs.FEWSHOT).read_text())["train"]
    for name, images in listed.items():
        assert len(images) == 4
        for path, _ in images:
            assert f"training image of {name}: {path}" in _alts(page)
    assert any(alt.startswith("positive program: what is added") for alt in _alts(page))
    assert any(alt.startswith("negative program: what is added") for alt in _alts(page))
    assert "Confusion texts of" in page.text and "near in" in page.text and "; describes " in page.text
    assert config.attributes is not None
    for told in (
        config.attributes.id,
        config.backbone.id,
        config.fewshot,
        config.versions["torch"],
        "gate_lr 0.01",
        "licence unknown",
        "seed 1",
    ):
        assert told in page.text
    assert str(hostile_run.parent) not in page.source  # no paths of somebody's machine


def test_markup_in_texts_and_names_stays_text(hostile_run: Path, read_page: Any) -> None:
    page = read_page(hostile_run / runs.REPORT)
    assert "<script>alert(1)</script>" in page.text
    assert "<script" not in page.source and "<img src=x" not in page.source
    actual = predictions.load(hostile_run / runs.PREDICTIONS)
    wrong = (actual.predicted != actual.labels).tolist()
    hostile = [path for path, bad in zip(actual.paths, wrong, strict=True) if bad and "onerror" in path]
    assert hostile, "the toy run got every hostile file right: the test shows nothing"
    assert all(any(path in alt for alt in _alts(page)) for path in hostile)
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert {tag for tag, _ in page.elements} & {"script", "iframe", "object", "form"} == set()


def test_nothing_is_fetched(hostile_run: Path, read_page: Any) -> None:
    page = read_page(hostile_run / runs.REPORT)
    for _, attributes in page.elements:
        for name in ("src", "href", "data", "poster", "srcset", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert "url(http" not in page.source and "@import" not in page.source
    assert "default-src 'none'" in page.source
    assert len(page.source) < 3_000_000


def test_without_images_and_backbone_the_page_says_what_is_missing(
    copied_run: Path, tmp_path: Path, read_page: Any
) -> None:
    run = copied_run
    config = json.loads((run / runs.CONFIG).read_text())
    config["data"] = str(tmp_path / "gone")
    config["backbone"] |= {"name": str(tmp_path / "no-clip"), "weights": None}
    (run / runs.CONFIG).write_text(json.dumps(config))
    page = read_page(run_report.write(report_data.reopen(run)))
    assert "No images are shown: " in page.text
    assert "No programs and no texts behind mistakes" in page.text
    assert page.all("img") == [] and "#programs" not in [link["href"] for link in page.all("a")]
    assert len(page.all("svg")) == 10
    assert str(tmp_path) not in page.text.replace(str(tmp_path / "no-clip"), "")


def test_an_image_that_cannot_be_read_costs_only_itself(
    hostile: Any, copied_run: Path, tmp_path: Path, read_page: Any
) -> None:
    shutil.copytree(hostile.data, tmp_path / "Toy")
    listed = json.loads((copied_run / runs.FEWSHOT).read_text())["train"]
    broken, *others = [path for path, _ in listed["dark ring"]]
    (tmp_path / "Toy" / broken).write_bytes(b"no image")
    source = open_source(runs.read_config(copied_run).card, tmp_path / "Toy")
    page = read_page(run_report.write_report(copied_run, source=source))
    assert f"training image of dark ring: {broken}" not in _alts(page)
    assert all(f"training image of dark ring: {path}" in _alts(page) for path in others)
    assert "4 images, 3 of them shown" in page.text


@pytest.mark.parametrize(("method", "programs"), [("vp", 1), ("ar", 1), ("zero-shot", 0)])
def test_other_methods_have_the_sections_that_they_can(
    toy: Any, tmp_path: Path, read_page: Any, method: str, programs: int
) -> None:
    recipe = {"epochs": 1} if programs else {}
    path = run_experiment(toy.experiment(method=method, recipe=recipe, out=tmp_path / "run")).path
    page = read_page(path / runs.REPORT)
    alone = [alt for alt in _alts(page) if "what is added" in alt]
    assert len(alone) == programs
    assert ("#training" in [link["href"] for link in page.all("a")]) == bool(programs)
    assert "Labels texts of" in page.text
    assert "Gate by epoch" not in page.source


def test_a_run_without_mistakes_and_one_without_texts(toy: Any, tmp_path: Path, read_page: Any) -> None:
    run = run_experiment(toy.experiment(method="linear-probe", recipe={}, out=tmp_path / "run"))
    place = run.path / runs.REPORT
    assert runs.read_metrics(run.path)["overall"]["accuracy"] == 1
    text = read_page(place).text
    assert "None: every image was right." in text and "No two classes were confused." in text
    actual = predictions.load(run.path / runs.PREDICTIONS)
    predictions.save(replace(actual, labels=(actual.labels + 1) % 3), run.path / runs.PREDICTIONS)
    run_report.write_report(run.path, run=run, source=open_source(run.card, toy.data))
    text = read_page(place).text
    assert "plain ground taken for dark ring" in text
    assert "No texts behind the mistakes: linear-probe does not score images by texts" in text


def test_programs_are_shown_as_they_are_added(hostile_run: Path) -> None:
    import base64
    import io

    import numpy as np
    from PIL import Image
    from safetensors.torch import load_file

    from vr.report.thumbnails import program_picture

    run = runs.load_run(hostile_run)
    uri = program_picture(run.method.programs()["neg"])
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
    delta = load_file(hostile_run / runs.MODEL)["delta_neg"].numpy()
    frame = (48 - run.method.image_size) // 2
    assert drawn.shape == (48, 48, 4) and drawn[frame, frame, 3] == 0 and drawn[frame - 1, 5, 3] == 255
    expected = 255 / (1 + np.exp(-delta[:, frame - 1, :])).T
    assert np.abs(drawn[frame - 1, :, :3] - expected).max() <= 0.51


def test_a_report_of_another_split_stands_beside_its_metrics(hostile_run: Path, tmp_path: Path) -> None:
    from vr.evaluation.evaluation import evaluate_run

    run = runs.load_run(hostile_run)
    source = open_source(run.card, Path(str(run.config.data)))
    evaluate_run(run, source, split="val", out=tmp_path / "val")
    before = (hostile_run / runs.REPORT).read_text()
    place = run_report.write_report(hostile_run, results=tmp_path / "val", run=run, source=source)
    assert place == tmp_path / "val" / runs.REPORT
    assert "Measured on the val split" in place.read_text()
    assert (hostile_run / runs.REPORT).read_text() == before


def test_a_foreign_file_is_not_overwritten(copied_run: Path) -> None:
    page = copied_run / runs.REPORT
    page.write_text("<h1>mine</h1>")
    with pytest.raises(UserError) as caught:
        run_report.write_report(copied_run)
    assert caught.value.code == "report-foreign-file"
    assert page.read_text() == "<h1>mine</h1>"


def test_a_run_that_was_not_measured_is_refused(copied_run: Path) -> None:
    (copied_run / runs.METRICS).unlink()
    with pytest.raises(UserError) as caught:
        run_report.write_report(copied_run)
    assert caught.value.code == "run-not-finished"


def test_random_weights_and_a_saturated_gate_are_warned_of(
    hostile: Any, tmp_path: Path, read_page: Any
) -> None:
    asked = hostile.experiment(
        out=tmp_path / "run", options={"gate_lr": 1e4}, recipe={"epochs": 2, "lr": 1.0}
    )
    page = read_page(run_experiment(asked).path / runs.REPORT)
    assert "Before you trust these numbers The gate is saturated: the " in page.text
    assert "The backbone has random weights" in page.text and "intervals are wide" in page.text
    assert "expert alone decides." in page.text
