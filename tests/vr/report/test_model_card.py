"""The model card says what the run's files say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from vr.cli import app
from vr.data.sources import open_source
from vr.evaluation.calibrate_run import calibrate_run
from vr.methods import built_in_methods
from vr.methods.biomedvr import BioMedVR
from vr.report.model_card import CARD, model_card
from vr.report.run_facts import FILES, read_facts, without_folders
from vr.runs import run as runs


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_run, tmp_path / "run"))


def section(card: str, title: str) -> str:
    """The text below a heading, the cells of tables without padding."""
    return re.sub(r" *\| *", "|", card.split(f"\n## {title}\n")[1].split("\n## ")[0])


def test_its_numbers_are_those_of_the_run(run: Path, toy: Any) -> None:
    card, metrics = model_card(read_facts(run)), runs.read_metrics(run)
    results = section(card, "Results")
    low, high = metrics["intervals"]["accuracy"]
    row = f"|accuracy|{100 * metrics['overall']['accuracy']:.1f}%|{100 * low:.1f}% to {100 * high:.1f}%|"
    assert row in results and "On 12 test images" in results
    for name, values in metrics["per_class"].items():
        assert f"|{name}|{values['images']}|{100 * values['recall']:.1f}%|" in results
    config = runs.read_config(run)
    assert config.backbone.id in section(card, "How to cite")
    assert attribute_set.load(toy.attrs).id in section(card, "How to cite")
    assert BioMedVR.reference.citation in section(card, "How to cite")
    assert "Licence of the data: unknown" in section(card, "Data")
    assert "Trained on 4 images per class, 12 in all, drawn with seed 1" in section(card, "Data")
    assert f"{config.learned_parameters:,} numbers" in section(card, "What it is")


def test_it_says_what_it_is_not_for(run: Path) -> None:
    card = model_card(read_facts(run))
    assert "not for clinical use" in card.split("## What it is")[0]
    limits = section(card, "Limits")
    assert "Research only" in limits and "Other scanners" in limits
    assert "Fewer than 30 test images, so that their numbers say little: bright spot, dark ring and" in limits


def test_confidence_is_told_as_it_is(run: Path, toy: Any) -> None:
    assert "Probabilities are not calibrated" in section(model_card(read_facts(run)), "Confidence")
    loaded = runs.load_run(run)
    actual = calibrate_run(loaded, open_source(loaded.card, toy.data), pool="all")
    facts = read_facts(run)
    told = section(model_card(facts), "Confidence")
    assert f"temperature {actual.temperature:.3g}" in told and f"{actual.threshold:.3f}" in told
    test = facts.calibrated_test
    assert test is not None
    row = f"|expected calibration error|{100 * test['ece_before']:.1f}%|{100 * test['ece_after']:.1f}%|"
    assert row in told


def test_its_front_matter_is_what_the_hub_reads(run: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(model_card(read_facts(run))).data
    assert data.library_name == "biomedvr" and data.pipeline_tag == "image-classification"
    assert data.tags == ["biomedvr", "few-shot", "medical-imaging", "clip"]


def test_it_lists_the_files_that_are_there_and_no_folder_of_this_machine(run: Path, toy: Any) -> None:
    card = model_card(read_facts(run))
    listed = {line.split("`")[1] for line in section(card, "Files").splitlines() if line.startswith("- `")}
    assert listed == {name for name in FILES if (run / name).exists()} and runs.CALIBRATION not in listed
    for place in (run, toy.backbone, toy.data, toy.attrs):
        assert str(place.parent) not in card


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("hf-hub:org/model", "hf-hub:org/model"),
        ("ViT-B-16", "ViT-B-16"),
        ("/home/someone/models/clip", "clip"),
        ("local-dir:/home/someone/clip", "clip"),
        ("../models/clip", "clip"),
        ("mini", "mini"),
    ],
)
def test_names_of_models_lose_their_folders(name: str, word: str) -> None:
    assert without_folders(name) == word


def test_every_method_is_cited_by_its_reference(run: Path) -> None:
    config = json.loads((run / runs.CONFIG).read_text())
    for name, method in built_in_methods().items():
        (run / runs.CONFIG).write_text(json.dumps({**config, "method": name, "options": {}}))
        cited = section(model_card(read_facts(run)), "How to cite").splitlines()[1]
        assert cited == f"- Method: {method.reference.citation}"


def test_a_set_is_named_only_if_the_method_reads_it(run: Path, toy: Any) -> None:
    identity = attribute_set.load(toy.attrs).id
    config = json.loads((run / runs.CONFIG).read_text())
    assert identity in model_card(read_facts(run))
    (run / runs.CONFIG).write_text(json.dumps({**config, "method": "linear-probe", "options": {}}))
    card = model_card(read_facts(run))
    assert identity[:16] not in card and "Attribute texts: none" in card


def test_a_trial_run_and_an_unfinished_dataset_card_are_flagged(run: Path) -> None:
    config = json.loads((run / runs.CONFIG).read_text())
    assert "**Not filled in:** licence and source" in model_card(read_facts(run))
    assert "A trial run" not in model_card(read_facts(run))
    config["card"] |= {"licence": "CC BY 4.0", "source": "a paper"}
    config["backbone"]["name"] = "mini"
    (run / runs.CONFIG).write_text(json.dumps(config))
    card = model_card(read_facts(run))
    assert "Not filled in" not in card and "**A trial run.**" in card


def test_a_class_name_with_a_bar_stays_in_its_cell(run: Path) -> None:
    metrics = json.loads((run / runs.METRICS).read_text())
    first = next(iter(metrics["per_class"]))
    renamed = {("a|b" if name == first else name): values for name, values in metrics["per_class"].items()}
    (run / runs.METRICS).write_text(json.dumps({**metrics, "per_class": renamed}))
    row = next(line for line in model_card(read_facts(run)).splitlines() if line.startswith(r"| a\|b"))
    assert row.replace(r"\|", "").count("|") == 7


def test_the_command(run: Path) -> None:
    ended = CliRunner().invoke(app, ["card", str(run)])
    assert ended.exit_code == 0 and str(run / CARD) in ended.output
    assert (run / CARD).read_text() == model_card(read_facts(run))
    refused = CliRunner().invoke(app, ["card", str(run)])
    assert isinstance(refused.exception, UserError) and refused.exception.code == "file-exists"
    assert CliRunner().invoke(app, ["card", str(run), "--force"]).exit_code == 0
    printed = CliRunner().invoke(app, ["card", str(run), "--out", "-"])
    assert printed.stdout == (run / CARD).read_text()


def test_a_run_that_is_not_finished(run: Path) -> None:
    (run / runs.METRICS).unlink()
    with pytest.raises(UserError) as caught:
        read_facts(run)
    assert caught.value.code == "run-not-finished"


def test_what_nobody_filled_in_is_flagged(run: Path) -> None:
    values = json.loads((run / runs.CONFIG).read_text())
    values["card"] |= {"modality": "medical image", "shows": "a medical image", "licence": "MIT"}
    (run / runs.CONFIG).write_text(json.dumps(values))
    head = model_card(read_facts(run)).split("## What it is")[0]
    assert "Not filled in:** modality, shows and source" in head.replace("\n> ", " ")


def test_counts_are_those_of_the_images_there(run: Path) -> None:
    assert "- Images: 15 train, 6 val, 12 test" in section(model_card(read_facts(run)), "Data")
    values = json.loads((run / runs.CONFIG).read_text())
    values["card"]["counts"] = {"train": 100, "val": 10, "test": 50}
    (run / runs.CONFIG).write_text(json.dumps(values))
    data = section(model_card(read_facts(run)), "Data")
    assert "- Images as published: 100 train, 10 val, 50 test" in data and "15 train" in data
    values.pop("images")  # older runs recorded none
    (run / runs.CONFIG).write_text(json.dumps(values))
    assert "- Images: " not in section(model_card(read_facts(run)), "Data")
