"""Small CLIPs with random weights, and a cache that is not the user's."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

RunOfSession = Callable[..., Path]
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
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
    from vr.clip import backbone

    return backbone.load(str(folder), "random", seed=1)


TOY_CLASSES = ("bright spot", "dark ring", "plain ground")
TOY_SIZES = {"train": 5, "val": 2, "test": 4}


@dataclass(frozen=True)
class Toy:
    """A toy dataset on disk: card, attribute set and an image folder of three tinted classes."""

    card: Path
    attrs: Path
    data: Path
    backbone: Path

    def experiment(self, **changes: Any) -> Any:
        """An experiment on it with the tiny CLIP: 4 shots, 3 epochs, a learning rate that suits it."""
        from vr.runs.experiment import Experiment

        values = {
            "dataset": str(self.card),
            "attrs": self.attrs,
            "data": self.data,
            "backbone": str(self.backbone),
            "weights": "random",
            "device": "cpu",
            "shots": 4,
            "recipe": {"epochs": 3, "batch_size": 5, "lr": 5.0},
        }
        return Experiment.model_validate({**values, **changes})


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Toy:
    """The toy dataset; no test may change it."""
    root = tmp_path_factory.mktemp("toy")
    head = 'name = "toy"\ntitle = "Toy"\nmodality = "CT"\nshows = "a toy"\n[images]\nfolder = "Toy"\n'
    head += 'layout = "folder"\n'
    for number, name in enumerate(TOY_CLASSES):
        folder = name.replace(" ", "_")
        head += f'[[classes]]\nname = "{name}"\nfolder = "{folder}"\n'
        for split, count in TOY_SIZES.items():
            place = root / "Toy" / split / folder
            place.mkdir(parents=True)
            for image in range(count):
                rng = np.random.default_rng([number, len(split), image])
                pixels = 40 + 70 * number + rng.integers(0, 60, (44, 40, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{split}-{image}.png")
    (root / "toy.toml").write_text(head)
    from attrgen.schema import attribute_set
    from attrgen.schema.attribute_set import AttributeSet, ClassAttributes

    classes = {
        name: ClassAttributes(
            descriptive=[f"a {name} drawn in manner {i}" for i in range(4)],
            distinctive=[f"unlike others, the {name} has detail {i}" for i in range(3)],
            confusion={
                other: [f"{other} posing in manner {i} as something else" for i in range(2)]
                for other in TOY_CLASSES
                if other != name
            },
        )
        for name in TOY_CLASSES
    }
    attribute_set.save(AttributeSet(dataset="toy", classes=classes), root / "toy.json")
    return Toy(root / "toy.toml", root / "toy.json", root / "Toy", tiny_folder)


@pytest.fixture(scope="session")
def run_of_session(tmp_path_factory: pytest.TempPathFactory, _cache: Path) -> RunOfSession:
    """Trains on a toy dataset, with changes, a run that tests share; a test that changes it takes a copy."""

    def trained(toy: Toy, **changes: Any) -> Path:
        from vr.training.train import run_experiment

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VR_CACHE", str(_cache))
            out = tmp_path_factory.mktemp("runs") / "run"
            return run_experiment(toy.experiment(out=out, **changes)).path

    return trained


@pytest.fixture(scope="session")
def toy_run(toy: Toy, run_of_session: RunOfSession) -> Path:
    """A finished run of BioMedVR on the toy dataset."""
    return run_of_session(toy)


@pytest.fixture(scope="session")
def confused_run(toy: Toy, run_of_session: RunOfSession) -> Path:
    """The same without a visual expert: the texts alone decide, so that it makes mistakes."""
    return run_of_session(toy, options={"visual": "none"})


@pytest.fixture(scope="session")
def benchmark_script() -> Callable[[str], ModuleType]:
    """Loads a script of `tests/benchmarks` by its name."""

    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def three_nodes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Ray cluster of three nodes, which `--on ray` finds; see `tests/vr/three_nodes.py`."""
    pytest.importorskip("ray")
    from .three_nodes import started

    cluster = started()
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster
    cluster.stop()
