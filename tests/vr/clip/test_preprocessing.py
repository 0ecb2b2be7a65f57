"""The preprocessing that a configuration states, its part in a backbone's id, and runs from before it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.clip import backbone as backbones
from vr.clip.preprocessing import OPENAI_MEAN, OPENAI_STD, Preprocessing, from_config


def test_what_a_configuration_leaves_open_is_as_openais() -> None:
    assert from_config({}, 224) == Preprocessing(size=224, mean=OPENAI_MEAN, std=OPENAI_STD)
    stated = {"mean": 0.5, "std": [0.1, 0.2, 0.3], "resize_mode": "squash", "interpolation": "bilinear"}
    result = from_config({**stated, "fill_color": None, "mode": "RGB", "url": "x", "size": [9, 9]}, [32, 32])
    assert (result.size, result.mean, result.std) == (32, (0.5, 0.5, 0.5), (0.1, 0.2, 0.3))
    assert (result.resize_mode, result.interpolation, result.fill_color) == ("squash", "bilinear", 0)


@pytest.mark.parametrize(
    ("values", "size", "code"),
    [
        ({"resize_mode": "stretch"}, 224, "backbone-preprocessing-value"),
        ({"interpolation": "nearest"}, 224, "backbone-preprocessing-value"),
        ({"mean": [0.5, 0.5]}, 224, "backbone-preprocessing-missing-key"),
        ({"std": [0.5, 0.0, 0.5]}, 224, "backbone-preprocessing-value"),
        ({}, (224, 336), "backbone-not-square"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], size: Any, code: str) -> None:
    with pytest.raises(UserError) as caught:
        from_config(values, size, Path("open_clip_config.json"))
    assert caught.value.code == code and caught.value.file == "open_clip_config.json"


def with_preprocessing(folder: Path, tiny_folder: Path, **values: Any) -> Path:
    """The tiny model's folder, its configuration stating other values."""
    config = json.loads((tiny_folder / "open_clip_config.json").read_text())
    config["preprocess_cfg"] |= values
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    "change",
    [
        {"resize_mode": "squash"},
        {"resize_mode": "longest"},
        {"interpolation": "bilinear"},
        {"mean": [0.5, 0.5, 0.5]},
        {"std": [0.5, 0.5, 0.5]},
        {"fill_color": 127},
    ],
)
def test_each_value_is_part_of_the_id(
    change: dict[str, Any], tiny: Any, tiny_folder: Path, tmp_path: Path
) -> None:
    other = backbones.load(str(with_preprocessing(tmp_path / "x", tiny_folder, **change)), "random", seed=1)
    assert other.weights_id == tiny.weights_id and other.id != tiny.id
    assert other.preprocessing == tiny.preprocessing.model_copy(
        update={key: tuple(value) if isinstance(value, list) else value for key, value in change.items()}
    )


def test_an_older_id_is_compared_by_weights_and_keeps_its_preprocessing(tiny: Any) -> None:
    squash = tiny.preprocessing.model_copy(
        update={"resize_mode": "squash", "interpolation": "bilinear", "mean": (0.5, 0.5, 0.5)}
    )
    older = squash.model_copy(update={"resize_mode": "shortest", "interpolation": "bicubic"})
    now = replace(tiny, preprocessing=squash, id=squash.digest(tiny.weights_id), older_preprocessing=older)
    assert now.as_recorded(now.id) is now
    before = now.as_recorded(tiny.weights_id)
    assert before is not None and before.id == tiny.weights_id
    assert (before.preprocessing.resize_mode, before.preprocessing.interpolation) == ("shortest", "bicubic")
    assert before.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert now.as_recorded(tiny.id) is None
