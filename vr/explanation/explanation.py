"""A run and images in, explanations out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attrgen.core.errors import UserError
from vr.data.formats.source import Item
from vr.data.loading.stream import stream
from vr.data.loading.unlabelled import NO_LABEL, UnlabelledFiles
from vr.explanation.contributions import ClassScore, origins, scored, split
from vr.explanation.occlusion import occlusion_map
from vr.methods.common.base import Method
from vr.runs.run import Run


@dataclass(frozen=True)
class Explanation:
    """Why one image got its class.

    Attributes:
        image: the file.
        pixels: (3, s, s) in [0, 1], as the method takes it.
        classes: the highest score first.
        occlusion: (grid, grid) for the predicted class, see `occlusion_map`; None where not asked for.
    """

    image: str
    pixels: Tensor
    classes: tuple[ClassScore, ...]
    occlusion: Tensor | None = None

    @property
    def title(self) -> str:
        """The image, its class and the softmax probability of it."""
        best = self.classes[0]
        return f"{Path(self.image).name}: {best.name} ({100 * best.probability:.1f}%)"


def explain_images(
    run: Run,
    paths: Sequence[str],
    *,
    grid: int | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> list[Explanation]:
    """Explain the decisions of a run on image files.

    Args:
        grid: also make occlusion maps of so many cells a side.
        progress: told the number of images of each finished piece of work.

    Raises:
        UserError: there is no image, or one cannot be read; the method does not score by texts, and no map
            is asked for.
    """
    if grid is not None and not 3 <= grid <= run.method.image_size:
        raise UserError(
            f"a grid of {grid} cells a side",
            remedy=f"Choose --grid from 3 to {run.method.image_size}; 8 to 16 are usual.",
        )
    if not paths:
        raise UserError("there is no image to explain", remedy="Name image files, or a folder that has some.")
    files = UnlabelledFiles(run.card.images.window if run.card.images is not None else None)
    items = [Item(path, NO_LABEL) for path in paths]
    found: list[Explanation] = []
    for batch in stream(files, items, run.method.image_size):
        images = batch.images.float() / 255
        explained = explain(run, images, must_split=grid is None)
        for path, pixels, classes in zip(batch.paths, images, explained, strict=True):
            drops = None if grid is None else _occlusion(run.method, pixels, classes[0].name, grid)
            found.append(Explanation(path, pixels, classes, drops))
            progress(1)
    return found


@torch.inference_mode()
def explain(run: Run, images: Tensor, must_split: bool = True) -> list[tuple[ClassScore, ...]]:
    """The classes of each image (B, 3, s, s) in [0, 1], the highest first, taken apart into texts.

    Raises:
        UserError: the method does not score by texts; without `must_split`, its scores then stay whole.
    """
    method, names = run.method.eval(), run.card.class_names
    prepared = method.prepare(images.to(method.context.backbone.device))
    try:
        contributions = method.contributions(prepared)
    except UserError as error:
        if must_split:
            raise UserError(error.what, file=run.path, remedy="Where it looks can be seen: --map.") from error
        return scored(method.scores(prepared).fused, names)
    return split(contributions, names, origins(run.attributes))


def as_json(run: Run, explanations: Sequence[Explanation]) -> dict[str, Any]:
    """Everything but the pixels, as `vr explain --json` prints it."""
    config = run.config
    return {
        "format": "explanation/1",
        "dataset": config.card.name,
        "method": config.method,
        "attributes": None if config.attributes is None else config.attributes.id,
        "backbone": config.backbone.id,
        "tau": config.backbone.tau,
        "images": [
            {
                "image": each.image,
                "predicted": each.classes[0].name,
                "classes": [asdict(entry) for entry in each.classes],
                **({} if each.occlusion is None else {"occlusion": each.occlusion.tolist()}),
            }
            for each in explanations
        ],
    }


@torch.inference_mode()
def _occlusion(method: Method, pixels: Tensor, name: str, grid: int) -> Tensor:
    label = method.context.card.class_names.index(name)
    device = method.context.backbone.device

    def logits(images: Tensor) -> Tensor:
        return method.scores(method.prepare(images)).fused

    return occlusion_map(logits, pixels.to(device), label, grid=grid)
