"""The `mini` that comes with the project: small, loadable, and better than chance on drawn pictures."""

from __future__ import annotations

import json

import pytest

from attrgen.core.resources import resource
from vr.clip import backbone
from vr.clip.backbone import Backbone
from vr.phantom.measure import attributes, encode_scenes, held_out, retrieval
from vr.phantom.train_mini import MODEL, PREPROCESS
from vr.reprogramming.program import frame_width


@pytest.fixture(scope="module")
def mini() -> Backbone:
    return backbone.load("mini")


def test_its_files_are_small() -> None:
    files = [path for path in resource("data", "mini").iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 12_000_000


def test_its_configuration_is_that_of_the_training_script() -> None:
    text = resource("data", "mini", "open_clip_config.json").read_text("utf-8")
    assert json.loads(text) == {"model_cfg": MODEL, "preprocess_cfg": PREPROCESS}


def test_its_frame_has_the_published_share_of_the_side(mini: Backbone) -> None:
    assert mini.patch_size == 10
    assert frame_width(mini.image_size, mini.patch_size) == round(mini.image_size * 16 / 224)


def test_it_tells_true_captions_from_untrue_ones(mini: Backbone) -> None:
    scenes = held_out(160)
    actual = retrieval(scenes, mini)
    assert actual["auroc"] > 0.88
    assert actual["nearest"] > actual["chance"] + 0.5


def test_it_looks_at_the_picture_and_not_at_the_caption_alone(mini: Backbone) -> None:
    """With every picture's embedding given to its neighbour, the same captions must fit worse."""
    scenes = held_out(160)
    right = retrieval(scenes, mini)["auroc"]
    shuffled = [*scenes[1:], scenes[0]]
    wrong = retrieval(
        [
            type(scene)(other.picture, scene.findings, scene.where)
            for scene, other in zip(scenes, shuffled, strict=True)
        ],
        mini,
    )["auroc"]
    assert right > wrong + 0.03


def test_it_reads_density_above_chance(mini: Backbone) -> None:
    accuracy, chance = attributes(held_out(300), mini)["density"]
    assert accuracy > chance + 0.08


def test_pictures_become_unit_embeddings(mini: Backbone) -> None:
    embeddings = encode_scenes(held_out(3), mini)
    assert embeddings.shape == (3, MODEL["embed_dim"])
    assert embeddings.norm(dim=1).tolist() == pytest.approx([1.0] * 3, abs=1e-5)
