"""Images to predict, and a run that predicts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vr.inference.decision import Decision
from vr.runs import run as runs
from vr.runs.run import Run


def draw_images(folder: Path, count: int) -> list[Path]:
    """Small images of noise, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(count)
    paths = [folder / f"scan-{number:03d}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)).save(path, compress_level=1)
    return paths


@pytest.fixture(scope="session")
def sixty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 images, three of them damaged; no test may change it."""
    folder = tmp_path_factory.mktemp("sixty")
    for path in draw_images(folder, 60)[5::20]:
        path.write_bytes(b"no image")
    return folder


@pytest.fixture(scope="session")
def loaded_run(toy_run: Path) -> Run:
    return runs.load_run(toy_run)


@pytest.fixture(scope="session")
def with_sets(loaded_run: Run) -> Decision:
    """A decision that makes prediction sets, too."""
    return Decision(loaded_run.card.class_names, temperature=0.1, threshold=0.7, set_limit=0.8)
