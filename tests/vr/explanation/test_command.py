"""`vr explain` end to end: tables, JSON, the page, the map, and what it refuses."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.evaluation import calibration as calibrations
from vr.explanation import outline
from vr.runs import predictions
from vr.runs import run as runs


def call(*words: Any) -> str:
    result = CliRunner().invoke(app, ["explain", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


class Page(HTMLParser):
    """What a page shows and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside: list[str] = []
        self.alts: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "img":
            self.alts.append(values.get("alt") or "")
        for key in ("src", "href", "srcset", "action"):
            if values.get(key) and not str(values[key]).startswith("data:"):
                self.outside.append(str(values[key]))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_table(trained, pictures) -> None:
    shown = call(trained["biomedvr"].path, *pictures[:2], "--details", "--classes", 2, "--top", 1)
    assert shown.count("positive expert") == 4 and shown.count("negative expert: confusion") == 4
    assert shown.count("(as ") == 4  # one confusion text a class
    assert "<i>unlike</i>" in shown
    assert all(Path(picture).name in shown for picture in pictures[:2])


def test_one_sentence_per_image_without_details(trained, pictures) -> None:
    run = trained["biomedvr"]
    *sentences, _ = call(run.path, *pictures[:2]).splitlines()
    images = json.loads(call(run.path, *pictures[:2], "--json"))["images"]
    assert sentences == [f"{Path(image['image']).name}: {image['sentence']}" for image in images]
    for sentence, image in zip(sentences, images, strict=True):
        assert image["predicted"] in sentence and "(not calibrated)" in sentence
        assert image["summary"]["confidence"] == pytest.approx(image["classes"][0]["probability"], abs=1e-6)


def test_a_calibrated_run_says_how_sure_it_is_after_calibration(trained, pictures, tmp_path: Path) -> None:
    path = tmp_path / "run"
    shutil.copytree(trained["biomedvr"].path, path)
    scores = predictions.load(path / runs.PREDICTIONS)
    fitted, _ = calibrations.fit(
        scores, model=calibrations.model_id(path), images_from="x", coverage=0.5, score="lac"
    )
    calibrations.save(fitted.model_copy(update={"temperature": 3.0, "threshold": 0.999}), path)
    image = json.loads(call(path, pictures[0], "--json"))["images"][0]
    logits = torch.tensor([entry["logit"] for entry in image["classes"]], dtype=torch.float64)
    assert image["summary"]["confidence"] == pytest.approx(float((logits / 3).softmax(0)[0]), abs=1e-5)
    assert image["summary"]["calibrated"] and image["summary"]["threshold"] == 0.999
    assert image["summary"]["probabilities"] == pytest.approx((logits / 3).softmax(0).tolist(), abs=1e-5)
    shown = call(path, pictures[0], "--details")
    for entry, probability in zip(image["classes"], (logits / 3).softmax(0).tolist(), strict=True):
        assert f"{entry['name']} ({100 * probability:.1f}%)" in shown


def test_files_of_one_name_are_told_apart_and_what_a_folder_has_else_is_counted(
    trained, pictures, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(pictures[0], tmp_path / folder / "scan.png")
    shutil.copy(pictures[1], tmp_path / "b" / "other.png")
    (tmp_path / "b" / "notes.txt").write_text("x")
    result = CliRunner().invoke(app, ["explain", str(trained["biomedvr"].path), str(tmp_path)])
    names = [line.split(": ")[0] for line in result.stdout.splitlines()[:-1]]
    assert "one of the 3 classes" in result.stdout.splitlines()[-1]
    assert names == [str(tmp_path / "a" / "scan.png"), "other.png", str(tmp_path / "b" / "scan.png")]
    assert "notes.txt" in result.stderr


def test_json_is_whole_whatever_the_table_would_show(trained, pictures) -> None:
    run = trained["biomedvr"]
    actual = json.loads(call(run.path, *pictures, "--json", "--classes", 1, "--top", 1))
    assert actual["format"] == "explanation/2"
    assert actual["attributes"] == run.config.attributes.id and actual["tau"] == run.config.backbone.tau
    assert [each["image"] for each in actual["images"]] == pictures
    predicted = (run.path / "predictions.csv").read_text().splitlines()[1:]
    by_name = {row.split(",")[0].removeprefix("test/"): row.split(",") for row in predicted}
    for each in actual["images"]:
        row = by_name["/".join(Path(each["image"]).parts[-2:])]
        assert each["predicted"] == row[2]
        logits = {entry["name"]: entry["logit"] for entry in each["classes"]}
        for name, value in zip(run.card.class_names, row[3:], strict=True):
            assert logits[name] == pytest.approx(float(value), abs=1e-4)
        texts = [
            text["contribution"]
            for expert in each["classes"][0]["experts"]
            for bank in expert["banks"]
            for text in bank["texts"]
        ]
        assert len(texts) >= 7
        assert sum(texts) == pytest.approx(each["classes"][0]["logit"], abs=1e-4)


def test_page_stands_alone_and_escapes(trained, pictures, tmp_path: Path) -> None:
    call(trained["biomedvr"].path, pictures[0], pictures[4], "--html", tmp_path / "why.html", "--grid", 4)
    text = (tmp_path / "why.html").read_text("utf-8")
    page = Page()
    page.feed(text)
    assert page.outside == [] and "url(" not in text and "@import" not in text
    assert "script" not in page.tags and "i" not in page.tags and "b" not in page.tags
    assert "Toy <b>" in page.text and "<i>unlike</i>" in page.text
    assert len(page.alts) == 2 and all("falls where it is hidden" in alt for alt in page.alts)
    assert page.tags.count("table") == 2


def test_map_and_folder(trained, pictures, tmp_path: Path) -> None:
    folder = Path(pictures[0]).parent
    actual = json.loads(
        call(trained["biomedvr"].path, folder, "--json", "--map", tmp_path / "map.png", "--grid", 5)
    )
    assert len(actual["images"]) == 3
    assert all(len(each["occlusion"]) == 5 == len(each["occlusion"][0]) for each in actual["images"])
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_method_without_banks_refuses_and_still_draws_its_map(trained, pictures, tmp_path: Path) -> None:
    run = trained["linear-probe"]
    with pytest.raises(UserError) as caught:
        call(run.path, pictures[0])
    assert caught.value.code == "explain-no-texts" and "--map" in caught.value.remedy
    shown = call(run.path, pictures[0], "--details", "--map", tmp_path / "map.png", "--grid", 3)
    assert "expert" not in shown.split("class, expert")[1].splitlines()[2]
    assert (tmp_path / "map.png").is_file()
    assert outline.LEGEND not in shown
    assert len(call(run.path, pictures[0], "--map", tmp_path / "map2.png", "--grid", 3).splitlines()) == 1


def test_nothing_is_overwritten_unasked(trained, pictures, tmp_path: Path) -> None:
    place = tmp_path / "why.html"
    place.write_text("mine")
    with pytest.raises(UserError) as caught:
        call(trained["biomedvr"].path, pictures[0], "--html", place)
    assert caught.value.code == "file-exists"
    assert place.read_text() == "mine"
    call(trained["biomedvr"].path, pictures[0], "--html", place, "--grid", 3, "--force")
    assert place.read_text() != "mine"


def test_what_cannot_be_explained(trained, tmp_path: Path, pictures) -> None:
    run = trained["biomedvr"].path
    (tmp_path / "no.png").write_bytes(b"not an image")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        call(run, tmp_path / "absent.png")
    assert (caught.value.code, caught.value.file) == ("images-missing-path", str(tmp_path / "absent.png"))
    for words, code in (
        ((pictures[0], "--map", tmp_path / "m.png", "--grid", 2), "explain-grid"),
        ((tmp_path / "empty",), "explain-no-images"),
    ):
        with pytest.raises(UserError) as caught:
            call(run, *words)
        assert caught.value.code == code


def test_files_that_cannot_be_read_are_skipped_and_listed(trained, pictures, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"not an image")
    words = ["explain", str(trained["biomedvr"].path), str(tmp_path / "no.png"), str(pictures[0])]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert Path(pictures[0]).name in result.stdout and "no.png" not in result.stdout
    assert "no.png" in result.stderr
    html = tmp_path / "why.html"
    alone = CliRunner().invoke(app, [*words[:3], "--html", str(html)])
    assert alone.exit_code == 1 and not html.exists()


def test_an_image_is_named_as_predictions_csv_spells_it(toy, toy_run: Path, pictures) -> None:
    path = predictions.load(toy_run / runs.PREDICTIONS).paths[0]
    by_path = json.loads(call(toy_run, toy.data / path, "--json"))["images"][0]
    by_name = json.loads(call(toy_run, path, "--json"))["images"][0]
    assert by_name["image"] == path and by_name["classes"] == by_path["classes"]
    both = json.loads(call(toy_run, path, pictures[0], path, "--json"))["images"]
    assert [one["image"] for one in both] == [path, str(pictures[0])]
    with pytest.raises(UserError) as caught:
        call(toy_run, f"{path}.absent")
    assert caught.value.code == "images-missing-path"
