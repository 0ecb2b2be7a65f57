"""Small collections for tests of formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write files below `tmp_path/NAME`: images for image names, the given text or bytes otherwise."""

    def written(*images: str, name: str = "set", files: Mapping[str, str | bytes] = {}) -> Path:
        root = tmp_path / name
        for number, image in enumerate(images):
            path = root / image
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (9, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        for file, content in files.items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return written
