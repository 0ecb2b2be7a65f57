"""What the commands work on: a drawn collection, a tiny CLIP, an attribute set, a finished run, a server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes

CLASSES = ("bright spot", "dark ring", "plain ground")
SIZES = {"train": 4, "val": 2, "test": 3}
CLIP = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 48, "patch_size": 8, "layers": 2, "width": 32, "head_width": 16},
        "text_cfg": {"context_length": 40, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 2},
        "quick_gelu": True,
    },
    "preprocess_cfg": {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]},
}
SERVER = Path(__file__).with_name("server.py")


@dataclass(frozen=True)
class World:
    """Files that no command changes, and the address of the server."""

    root: Path
    url: str

    @property
    def card(self) -> Path:
        """The card; its images are downloaded from the server."""
        return self.root / "toy.toml"

    @property
    def attrs(self) -> Path:
        """The attribute set."""
        return self.root / "toy.json"

    @property
    def images(self) -> Path:
        """The collection."""
        return self.root / "Toy"

    @property
    def images_in_all(self) -> int:
        """How many images the collection has."""
        return len(CLASSES) * sum(SIZES.values())

    @property
    def backbone(self) -> Path:
        """The folder that describes the CLIP; its weights are random."""
        return self.root / "tiny"

    @property
    def run(self) -> Path:
        """A finished run."""
        return self.root / "run"


@contextmanager
def made(root: Path) -> Iterator[World]:
    """Make the world below `root`, with the server running."""
    port_file = root / "address"
    with subprocess.Popen(
        [sys.executable, str(SERVER), str(port_file), str(root)], stdin=subprocess.PIPE
    ) as server:
        try:
            while not port_file.exists() or not port_file.read_text():
                time.sleep(0.02)
                assert server.poll() is None, "the server did not start"
            world = World(root, port_file.read_text())
            _draw(world)
            yield world
        finally:
            server.kill()


def _draw(world: World) -> None:
    head = 'name = "toy"\ntitle = "Toy"\nmodality = "CT"\nshows = "a toy"\n[images]\nfolder = "Toy"\n'
    head += f'layout = "folder"\ndownload = "{world.url.removesuffix("/v1")}/Toy.zip"\n'
    for number, name in enumerate(CLASSES):
        folder = name.replace(" ", "_")
        head += f'[[classes]]\nname = "{name}"\nfolder = "{folder}"\n'
        for split, count in SIZES.items():
            (world.images / split / folder).mkdir(parents=True)
            for image in range(count):
                rng = np.random.default_rng([number, len(split), image])
                pixels = (40 + 70 * number + rng.integers(0, 60, (44, 40, 3))).astype(np.uint8)
                Image.fromarray(pixels).save(world.images / split / folder / f"{split}-{image}.png")
    world.card.write_text(head)
    world.backbone.mkdir()
    (world.backbone / "open_clip_config.json").write_text(json.dumps(CLIP))
    classes = {
        name: ClassAttributes(
            descriptive=[f"a {name} drawn in manner {i}" for i in range(3)],
            distinctive=[f"unlike others, the {name} has detail {i}" for i in range(3)],
            confusion={o: [f"{o} posing in manner {i}" for i in range(2)] for o in CLASSES if o != name},
        )
        for name in CLASSES
    }
    attribute_set.save(AttributeSet(dataset="toy", classes=classes), world.attrs)
    shutil.make_archive(str(world.root / "Toy"), "zip", world.root, "Toy")
    os.environ["VR_CACHE"] = str(world.root / "cache")
