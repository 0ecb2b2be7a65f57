"""`vr.load(run).predict(images)`: every kind of picture, in order, with and without a calibration."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vr
from attrgen.core.errors import UserError
from vr.data.sources import open_source
from vr.evaluation.calibrate_run import calibrate_run
from vr.evaluation.evaluation import evaluate
from vr.runs import run as runs


@pytest.fixture(scope="module")
def model(toy_run: Path) -> vr.Model:
    return vr.load(toy_run, device="cpu")


@pytest.fixture(scope="module")
def files(toy: Any) -> list[Path]:
    return sorted((toy.data / "test").rglob("*.png"))


def test_predictions_are_those_of_the_evaluation(model: vr.Model, files: list[Path], toy: Any) -> None:
    source = open_source(model.run.card, toy.data)
    scored = evaluate(model.run.method, source, source.splits["test"])
    expected = dict(zip(scored.paths, scored.logits.double().softmax(1).tolist(), strict=True))
    predictions = model.predict(files)
    assert [p.path for p in predictions] == [str(path) for path in files]
    for prediction, path in zip(predictions, files, strict=True):
        chances = expected[path.relative_to(toy.data).as_posix()]
        assert list(prediction.probabilities.values()) == pytest.approx(chances, abs=1e-5)
        assert tuple(prediction.probabilities) == model.classes
        assert prediction.probability == max(prediction.probabilities.values())
        assert prediction.probabilities[prediction.label] == prediction.probability
        assert not prediction.abstained and prediction.set is None


def test_every_kind_of_picture_is_predicted_alike(model: vr.Model, files: list[Path]) -> None:
    array = np.asarray(Image.open(files[0]).convert("RGB"))
    one = model.predict(files[0])[0].probabilities
    for given in (str(files[0]), Image.open(files[0]), array, [array], array[None], (files[0],)):
        actual = model.predict(given)
        assert len(actual) == 1
        assert actual[0].probabilities == pytest.approx(one, abs=1e-6)
        assert actual[0].path == (str(files[0]) if isinstance(given, (str, tuple)) else None)
    mixed = model.predict([files[0], array, Image.fromarray(array)], batch_size=2)
    assert [p.path for p in mixed] == [str(files[0]), None, None]
    grey = model.predict([array[:, :, 0], array[:, :, :1]])
    assert grey[0].probabilities == pytest.approx(grey[1].probabilities)
    assert model.predict([]) == []


def test_what_cannot_be_predicted(model: vr.Model, files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        model.predict(tmp_path)
    assert caught.value.code == "image-is-a-folder"
    (tmp_path / "broken.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"broken\.png: not an image"):
        model.predict([files[0], tmp_path / "broken.png"])
    with pytest.raises(UserError, match="image 1 is an array of float64"):
        model.predict([files[0], np.zeros((8, 8))])
    with pytest.raises(UserError, match="needs a calibration"):
        model.predict(files[0], sets=0.9)
    with pytest.raises(UserError, match="not a run directory"):
        vr.load(tmp_path)


def test_a_calibration_is_used_and_can_be_left_out(
    toy_run: Path, toy: Any, files: list[Path], tmp_path: Path
) -> None:
    path = Path(shutil.copytree(toy_run, tmp_path / "run"))
    run = runs.load_run(path)
    calibration = calibrate_run(run, open_source(run.card, toy.data), pool="all")
    model = vr.load(str(path), device="cpu")
    assert model.calibration == calibration
    assert model.decision().temperature == calibration.temperature
    assert model.decision().threshold == calibration.threshold
    actual = model.predict(files, sets=0.5)
    assert all(p.abstained == (p.probability < calibration.threshold) for p in actual)
    assert all(p.set is not None and set(p.set) <= set(model.classes) for p in actual)
    raw = vr.load(path, device="cpu", calibrated=False)
    assert raw.calibration is None and not any(p.abstained for p in raw.predict(files))


def test_the_package_is_light_until_it_loads_something() -> None:
    code = "import sys, vr; print([name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])"
    actual = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert actual.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vr.nothing  # type: ignore[attr-defined]


def test_a_model_and_its_predictions_show_themselves(model: vr.Model, files: list[Path]) -> None:
    assert repr(model) == "Model(biomedvr on toy: 3 classes, 4 shots, seed 1)"
    assert "<td>bright spot, dark ring, plain ground</td>" in model._repr_html_()
    prediction = model.predict(files[0])[0]
    assert repr(prediction) == (
        f"Prediction({files[0].name}: {prediction.label} ({100 * prediction.probability:.1f}%))"
    )
    hostile = dataclasses.replace(prediction, path="<img src=x>.png", set=("dark ring",), abstained=True)
    assert "<img" not in hostile._repr_html_() and "abstained" in hostile._repr_html_()
    assert repr(hostile).endswith("abstained, set: dark ring)")


def test_explanations_are_those_of_the_predictions(model: vr.Model, files: list[Path]) -> None:
    predictions, explanations = model.predict(files[:2]), model.explain([files[0], Image.open(files[1])])
    assert [one.classes[0].name for one in explanations] == [one.label for one in predictions]
    assert [one.image for one in explanations] == [str(files[0]), "image 1"]
    assert explanations[0].occlusion is None
    mapped = vr.explain(model, files[0], grid=3)[0]
    assert mapped.occlusion is not None and mapped.occlusion.shape == (3, 3)
    assert repr(mapped) == f"Explanation({mapped.title})"
    hostile = dataclasses.replace(mapped, image="<b>.png")
    assert "<b>" not in hostile._repr_html_() and mapped.classes[0].experts[0].banks[0].texts
    assert mapped.classes[0].experts[0].banks[0].texts[0].text in mapped._repr_html_()


def test_images_without_a_common_scale_are_a_warning(
    model: vr.Model, files: list[Path], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    model.predict([files[0], Image.open(files[0])])
    model.explain(files[0])
    assert not [one for one in recwarn if "8 bits" in str(one.message)]
    deep = Image.fromarray(np.full((50, 50), 3000, dtype=np.uint16))
    deep.save(tmp_path / "deep.png")
    for image in (deep, tmp_path / "deep.png"):
        for function in (model.predict, model.explain):
            with pytest.warns(UserWarning, match="has more than 8 bits") as caught:
                function(image)
            assert Path(caught[0].filename) == Path(__file__)  # the user's own line


def test_an_open_file_is_one_mistake_not_one_for_each_of_its_lines(
    model: vr.Model, files: list[Path]
) -> None:
    with files[0].open("rb") as file, pytest.raises(UserError) as caught:
        model.predict(file)
    assert caught.value.code == "images-wrong-type" and str(caught.value).count("Give") == 1
