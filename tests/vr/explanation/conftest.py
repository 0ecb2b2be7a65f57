"""A small run of BioMedVR on disk, and methods away from where they start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card, CardClass
from vr.clip.backbone import Backbone
from vr.methods import built_in_methods
from vr.methods.common.base import Context, Method
from vr.runs.run import Run, load_run
from vr.training.train import run_experiment

NAMES = ("bright spot", "dark ring", "plain ground")
SHARED = "neither the one nor the other"


@pytest.fixture(scope="session")
def card() -> Card:
    classes = tuple(CardClass(name=name, folder=name.replace(" ", "_")) for name in NAMES)
    return Card(name="toy", title="Toy <b>", modality="CT", shows="a toy", classes=classes)


@pytest.fixture(scope="session")
def attributes() -> AttributeSet:
    """Ragged: five, four and two texts of a kind; two confused classes each, one text under all of them."""
    classes = {}
    for number, name in enumerate(NAMES):
        others = [other for other in NAMES if other != name]
        classes[name] = ClassAttributes(
            descriptive=[f"a {name} of kind {i}" for i in range((5, 4, 2)[number])],
            distinctive=[f"number {i} <i>unlike</i> {others[0]}, {name}" for i in range((5, 4, 2)[number])],
            confusion={other: [f"{other} instead of {name}", SHARED] for other in others},
        )
    return AttributeSet(dataset="toy", classes=classes)


@pytest.fixture
def disturbed(tiny: Backbone, card: Card, attributes: AttributeSet) -> Callable[..., Run]:
    """A run of a method whose learned numbers are away from where they start; nothing is on disk."""

    def make(name: str, **changes: Any) -> Run:
        kind = built_in_methods()[name]
        method: Method = kind(Context(tiny, card, attributes, seed=3), kind.options_type(**changes)).eval()
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for parameter in method.parameters():
                parameter += torch.randn(parameter.shape, generator=generator)
        config: Any = type("Config", (), {"card": card})
        return Run(Path("run"), config, method, attributes)

    return make


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path, card: Card, attributes: AttributeSet
) -> dict[str, Run]:
    """Runs by method, loaded from disk: a real training of one epoch on two images a class."""
    from vr.runs.experiment import Experiment

    patch = pytest.MonkeyPatch()
    root = tmp_path_factory.mktemp("trained")
    patch.setenv("VR_CACHE", str(root / "cache"))
    rng = np.random.default_rng(0)
    for label, entry in enumerate(card.classes):
        for number in range(6):
            place = root / "toy" / ("train" if number < 3 else "test") / entry.folder
            place.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(60 * label, 60 * label + 120, (52, 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{number}.png")
    (root / "toy.toml").write_text(
        'name = "toy"\ntitle = "Toy <b>"\nmodality = "CT"\nshows = "a toy"\n'
        + "".join(f'[[classes]]\nname = "{c.name}"\nfolder = "{c.folder}"\n' for c in card.classes)
    )
    attribute_set.save(attributes, root / "toy.json")
    actual = {}
    for method in ("biomedvr", "linear-probe"):
        asked = Experiment(
            dataset=str(root / "toy.toml"),
            attrs=root / "toy.json",
            data=root / "toy",
            method=method,
            recipe={"epochs": 1, "batch_size": 6} if method == "biomedvr" else {},
            shots=2,
            backbone=str(tiny_folder),
            weights="random",
            device="cpu",
            out=root / method,
        )
        run_experiment(asked)
        actual[method] = load_run(root / method)
    patch.undo()
    return actual


@pytest.fixture(scope="session")
def pictures(trained: dict[str, Run]) -> list[str]:
    """The test images of the run."""
    root = trained["biomedvr"].path.parent / "toy" / "test"
    return sorted(str(path) for path in root.rglob("*.png"))
