"""Backbones against open_clip used directly: the largest absolute differences, which must be 0 in fp32.

Run from the root: python tests/benchmarks/backbone_equality.py
It makes the repositories of six families with tiny random weights, serves them on this machine as the
Hugging Face hub does, and loads each from there, from a folder, and offline from the cache.

To compare real models of this machine: python tests/benchmarks/backbone_equality.py NAME[=WEIGHTS] ...
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vr.clip.backbone import Backbone, load
from vr.data.decoding.resize import to_square

sys.path.insert(0, str(Path(__file__).parents[1] / "vr" / "clip" / "stand_in"))

DIRECT = ("pixels", "features", "text features", "logit scale", "zero-shot logits", "context length")
OFFLINE = ("offline from folder", "offline from cache")
SHAPES = [(64, 64), (180, 90), (90, 180), (301, 77), (50, 33), (640, 480)]
TEXTS = [
    "a round dark area",
    "a bright spot &amp; the kidney",
    "A  DARK   scan of_a wall",
    "the kidney with a bright wall, a dark round spot and an area of the wall",
]


def images() -> list[Image.Image]:
    """Noise of several shapes, most of them not square."""
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in SHAPES]


class Values:
    """What a model makes of the images and texts."""

    def __init__(self, pixels: Tensor, features: Tensor, texts: Tensor, scale: float, context: int) -> None:
        self.pixels, self.features, self.texts = pixels, features, texts
        self.scale, self.context = scale, context

    def differences(self, other: Values) -> dict[str, float]:
        """The largest absolute difference of each kind."""
        logits = [values.scale * values.features @ values.texts.T for values in (self, other)]
        values = (
            _largest(self.pixels, other.pixels),
            _largest(self.features, other.features),
            _largest(self.texts, other.texts),
            abs(self.scale - other.scale),
            _largest(*logits),
            float(abs(self.context - other.context)),
        )
        return dict(zip(DIRECT, values, strict=True))


@torch.no_grad()
def ours(backbone: Backbone) -> Values:
    """As the program computes them."""
    size, how = backbone.image_size, backbone.preprocessing
    pixels = torch.stack([to_square(image, size, how) for image in images()]).float() / 255
    features = backbone.encode_by_model(pixels)
    texts = backbone.encode_text(TEXTS)
    return Values(backbone.normalise(pixels), features, texts, backbone.tau, backbone.context_length)


@torch.no_grad()
def open_clips(source: str, weights: str | None = None) -> Values:
    """As open_clip computes them, used directly."""
    import open_clip

    model, transform = open_clip.create_model_from_pretrained(source, pretrained=weights)
    tokenizer = open_clip.get_tokenizer(source)
    pixels = torch.stack([transform(image) for image in images()])
    model.eval().requires_grad_(False)  # for weights that learn torch may choose other kernels
    features = model.encode_image(pixels, normalize=True)
    texts = model.encode_text(tokenizer(TEXTS), normalize=True)
    return Values(pixels, features, texts, float(model.logit_scale.exp()), tokenizer.context_length)


def stand_ins(repositories: Path, root: Path) -> dict[str, dict[str, float]]:
    """Differences by family and check, on the tiny models in `repositories`; `root` is for copies."""
    from hub_models import BERT, FAMILIES
    from hub_patch import patched
    from hub_server import serve

    rows = {}
    with serve(repositories) as hub:
        for label, family in FAMILIES.items():
            name, cache = f"hf-hub:{family.repo}", root / "cache"
            with patched(hub.address, cache):
                reference = open_clips(name)
                online = load(name)
            rows[label] = ours(online).differences(reference)
            folder = copied(repositories / family.repo, root / "folders" / label)
            if "hf_model_name" in family.model["text_cfg"]:
                shutil.copy(repositories / BERT / "config.json", folder)
            with patched("http://127.0.0.1:9", root / "empty", offline=True):
                rows[label][OFFLINE[0]] = _of(load(str(folder)), online, reference)
            with patched("http://127.0.0.1:9", cache, offline=True):
                rows[label][OFFLINE[1]] = _of(load(name), online, reference)
    return rows


def copied(repository: Path, folder: Path) -> Path:
    """A repository as a folder of a person."""
    return Path(shutil.copytree(repository, folder))


def table(rows: dict[str, dict[str, float]]) -> str:
    """A line per backbone, a column per check."""
    checks = [check for check in (*DIRECT, *OFFLINE) if check in next(iter(rows.values()))]
    width = max(map(len, rows))
    lines = [" | ".join([" " * width, *checks])]
    for label, values in rows.items():
        cells = [f"{values[check]:g}".rjust(len(check)) for check in checks]
        lines.append(" | ".join([label.ljust(width), *cells]))
    return "\n".join(lines)


def _of(offline: Backbone, online: Backbone, reference: Values) -> float:
    """The largest of all differences; infinite where the id is another one."""
    same = offline.id == online.id
    return max(ours(offline).differences(reference).values()) if same else float("inf")


def _largest(one: Tensor, two: Tensor) -> float:
    return float((one - two).abs().max())


def main(arguments: Sequence[str]) -> int:
    """Print the table; the exit status says whether all differences are 0."""
    import logging

    logging.disable(logging.WARNING)
    if arguments:
        rows = {}
        for argument in arguments:
            name, _, weights = argument.partition("=")
            rows[argument] = ours(load(name, weights or None)).differences(
                open_clips(name if not Path(name).is_dir() else f"local-dir:{name}", weights or None)
            )
    else:
        from hub_models import write_all

        with tempfile.TemporaryDirectory() as folder:
            write_all(Path(folder, "hub"))
            rows = stand_ins(Path(folder, "hub"), Path(folder))
    print(table(rows))
    return int(any(value for row in rows.values() for value in row.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
