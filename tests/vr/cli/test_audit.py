"""`vr audit` end to end: what it reads, prints and writes, and what it never touches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from vr.cli.audit import audit
from vr.clip.backbone import Backbone
from vr.data.decoding.resize import to_square
from vr.data.formats.file_source import FileSource
from vr.data.sampling import fewshot
from vr.data.sources import open_dataset

NAMES = ("bright spot", "dark ring")


def call(*words: Any) -> str:
    app = typer.Typer()
    app.command()(audit)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def place(tmp_path: Path, tiny: Backbone, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A toy collection, a set and the options that name them; test images cannot even be decoded."""
    monkeypatch.setattr("vr.clip.backbone.load", lambda *_, **__: tiny)
    rng = np.random.default_rng(0)
    for label, name in enumerate(NAMES):
        for number in range(8):
            split = "train" if number < 6 else "test"
            folder = tmp_path / "toy" / split / name.replace(" ", "_")
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(90 * label, 90 * label + 150, (50, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
            if split == "test":
                (folder / f"{number}.png").write_bytes(b"not to be read")
    (tmp_path / "toy.toml").write_text(
        'name = "toy"\ntitle = "Toy"\nmodality = "CT"\nshows = "a toy"\n'
        + "".join(f'[[classes]]\nname = "{n}"\nfolder = "{n.replace(" ", "_")}"\n' for n in NAMES)
    )
    classes = {
        name: ClassAttributes(
            descriptive=[f"{name} {word}" for word in ("round", "sharp", "even", "small", "grey", "wide")],
            distinctive=[f"unlike others, {name} {i}" for i in range(4)],
            confusion={NAMES[1 - label]: [f"{name} but {i}" for i in range(3)], "other": ["noise"]},
        )
        for label, name in enumerate(NAMES)
    }
    attribute_set.save(AttributeSet(dataset="toy", classes=classes), tmp_path / "toy.json")
    return ["--attrs", tmp_path / "toy.json", "--dataset", tmp_path / "toy.toml", "--data",
            tmp_path / "toy", "--shots", 5, "--device", "cpu"]  # fmt: skip


def test_numbers_are_those_of_the_training_images(place, tmp_path: Path, tiny, monkeypatch) -> None:
    seen: list[str] = []
    read = FileSource.read

    def spied(self: FileSource, item_path: str) -> Image.Image:
        seen.append(item_path)
        return read(self, item_path)

    monkeypatch.setattr(FileSource, "read", spied)
    actual = json.loads(call(*place, "--json"))
    assert seen and not any("test" in path for path in seen)
    attributes = attribute_set.load(tmp_path / "toy.json")
    assert (actual["format"], actual["attributes"]) == ("audit/2", attributes.id)
    assert len(actual["assessments"]) == 26 and actual["not_assessed"] == 2
    card, source = open_dataset(str(tmp_path / "toy.toml"), tmp_path / "toy")
    sample = fewshot.draw(source, card, 5, 1)
    pixels = torch.stack([to_square(source.read(item.path), tiny.image_size) for item in sample.train])
    features = tiny.encode_image(pixels.float() / 255)
    labels = np.array([item.label for item in sample.train])
    for each in actual["assessments"]:
        scores = features.numpy() @ tiny.encode_text([each["text"]])[0].numpy()
        expected = NAMES.index(each["confused"] or each["class_name"])
        assert each["auroc"] == pytest.approx(roc_auc_score(labels == expected, scores), abs=1e-6)
        assert each["described"] == NAMES[expected]
        assert each["low"] <= each["auroc"] <= each["high"]


def test_the_set_stands_beside_control_texts(place, tmp_path: Path, tiny) -> None:
    """Accuracy on the training images, by the mean of the three nearest texts of each positive list."""
    actual = json.loads(call(*place, "--json"))["controls"]
    attributes = attribute_set.load(tmp_path / "toy.json")
    card, source = open_dataset(str(tmp_path / "toy.toml"), tmp_path / "toy")
    sample = fewshot.draw(source, card, 5, 1)
    pixels = torch.stack([to_square(source.read(item.path), tiny.image_size) for item in sample.train])
    features = tiny.encode_image(pixels.float() / 255)
    scores = torch.zeros(len(sample.train), 2)
    for label, name in enumerate(card.class_names):
        for kind in ("descriptive", "distinctive"):
            cosines = features @ tiny.encode_text(attributes.classes[name].texts(kind)).T
            scores[:, label] += cosines.sort(dim=1).values[:, -3:].mean(1)
    labels = torch.tensor([item.label for item in sample.train])
    right = float((scores.argmax(1) == labels).double().mean())
    assert actual["texts"]["written"]["accuracy"] == pytest.approx(right)
    assert {"names", "shuffled", "random-words", "medical-words", "paraphrases"} <= set(actual["texts"])
    assert actual["sentence"] in call(*place)


def test_table_and_prune(place, tmp_path: Path) -> None:
    before = (tmp_path / "toy.json").read_bytes()
    out = tmp_path / "pruned.json"
    shown = call(*place, "--top", 4, "--keep", 2, "--prune", out)
    assert "not assessed: 2 texts" in shown and "worst texts" in shown
    assert (tmp_path / "toy.json").read_bytes() == before
    old, new = attribute_set.load(tmp_path / "toy.json"), attribute_set.load(out)
    removed = new.provenance["pruned"][0]["removed"]
    worst = [e for e in json.loads(call(*place, "--json"))["assessments"] if e["suggestion"]][:4]
    assert removed and {text["text"] for text in removed} <= {each["text"] for each in worst}
    texts = [{entry.text for entry in each.entries()} for each in (old, new)]
    assert texts[0] - texts[1] == {text["text"] for text in removed}
    assert new.provenance["pruned"][0]["from"] == old.id
    for existing in (out, tmp_path / "toy.json"):
        with pytest.raises(UserError) as caught:
            call(*place, "--prune", existing)
        assert (caught.value.code, caught.value.file) == ("file-exists", str(existing))
    assert (tmp_path / "toy.json").read_bytes() == before


def test_twins_of_a_text_that_stands_twice(place, tmp_path: Path) -> None:
    attributes = attribute_set.load(tmp_path / "toy.json")
    attributes.classes["dark ring"].descriptive = ["bright spot round", "a", "b"]
    attribute_set.save(attributes, tmp_path / "toy.json")
    twins = json.loads(call(*place, "--json", "--near-duplicates", 1.0))["near_duplicates"]
    assert [(t["first"]["text"], t["second"]["class_name"]) for t in twins] == [
        ("bright spot round", "dark ring")
    ]
