"""Small CLIPs with random weights, and a cache that is not the user's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

VISION = {"image_size": 48, "patch_size": 8, "layers": 2, "width": 32, "head_width": 16}
RESNET = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8}
TEXT = {"context_length": 40, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 2}


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(monkeypatch: pytest.MonkeyPatch, _cache: Path) -> None:
    monkeypatch.setenv("VR_CACHE", str(_cache))


def clip_folder(folder: Path, vision: dict[str, Any], text: dict[str, Any], **model: Any) -> Path:
    """A folder that describes a CLIP of 32 output dimensions; it has no weights."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_cfg": {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text, **model},
        "preprocess_cfg": {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT of 48 pixels and patches of 8; load it with weights="random"."""
    return clip_folder(tmp_path_factory.mktemp("tiny"), VISION, TEXT, quick_gelu=True)


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Any:
    """That ViT, loaded; no test may change it."""
    return _load(tiny_folder)


@pytest.fixture(scope="session")
def tiny_resnet(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A ResNet of 64 pixels, loaded; no test may change it."""
    return _load(clip_folder(tmp_path_factory.mktemp("resnet"), RESNET, TEXT))


def _load(folder: Path) -> Any:
    from vr import backbone

    return backbone.load(str(folder), "random", seed=1)
