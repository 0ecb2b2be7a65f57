"""Explain the decisions of a run on images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attrgen.core import html
from attrgen.core.errors import UserError
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.stream import stream
from vr.data.loading.unlabelled import NO_LABEL, UnlabelledFiles
from vr.evaluation.calibration import Calibration
from vr.evaluation.operating_point import OperatingPoint
from vr.explanation.decomposition import ClassScore, decompose, origins, scored
from vr.explanation.occlusion import occlusion_map
from vr.explanation.outline import COLUMNS, rows
from vr.explanation.summary import Summary, summarise
from vr.methods.common.base import Method
from vr.runs.run import Run

SHOWN_CLASSES = 2  # in a notebook: the predicted class and the runner-up


@dataclass(frozen=True)
class Explanation:
    """Why one image got its class.

    Attributes:
        image: the file.
        pixels: (3, s, s) in [0, 1], resized for the method.
        classes: the highest score first.
        summary: what a person reads first.
        occlusion: (grid, grid) for the predicted class, see `occlusion_map`; None if not requested.
    """

    image: str
    pixels: Tensor
    classes: tuple[ClassScore, ...]
    summary: Summary
    occlusion: Tensor | None = None

    @property
    def answer(self) -> str:
        """The class and how sure, after calibration if there is one."""
        return f"{self.summary.predicted}, {self.summary.confidence:.0%} sure"

    @property
    def title(self) -> str:
        """The image's file and the answer."""
        return f"{Path(self.image).name}: {self.answer}"

    def __repr__(self) -> str:
        return f"Explanation({self.title})"

    def _repr_html_(self) -> str:
        outlined = rows(self.classes[:SHOWN_CLASSES], self.summary.probabilities)
        cells = [("\u2003" * row.depth + row.title, *row.numbers) for row in outlined]
        columns = ("class, expert, bank, text", *COLUMNS)
        return html.table(columns, cells, caption=f"{self.image}: {self.summary.sentence}")


def explain_images(
    run: Run,
    paths: Sequence[str],
    *,
    grid: int | None = None,
    calibration: Calibration | None = None,
    point: OperatingPoint | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> list[Explanation]:
    """Explain the decisions of a run on image files.

    Args:
        grid: also compute occlusion maps with this many cells per side.
        calibration: of the run, for calibrated probabilities in the summaries.
        point: the run's operating point, where it has one; the summaries say what differs by it.
        progress: called with the number of images finished since the last call.

    Raises:
        UserError: there is no image, or one cannot be read; the grid is too coarse or too fine; the method
            does not score by texts, and no map is requested.
    """
    files = UnlabelledFiles.of(run.card)
    items = [Item(path, NO_LABEL) for path in paths]
    return explain_items(
        run, files, items, grid=grid, calibration=calibration, point=point, progress=progress
    )


def explain_items(
    run: Run,
    source: ImageSource,
    items: Sequence[Item],
    *,
    grid: int | None = None,
    calibration: Calibration | None = None,
    point: OperatingPoint | None = None,
    on_error: Callable[[UserError], None] | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> list[Explanation]:
    """As `explain_images`, for items of any source of images; their paths name the images.

    Args:
        on_error: called with the error of each image that cannot be read, which is left out; by default all
            of them are raised.
    """
    if grid is not None and not 3 <= grid <= run.method.image_size:
        raise UserError(
            f"a grid of {grid} cells per side",
            code="explain-grid",
            remedy=f"Choose --grid from 3 to {run.method.image_size}; 8 to 16 are common.",
        )
    if not items:
        raise UserError(
            "there is no image to explain",
            code="explain-no-images",
            remedy="Name image files, or a folder that has some.",
        )
    explanations: list[Explanation] = []
    preprocessing = run.method.context.backbone.preprocessing
    for batch in stream(source, items, run.method.image_size, preprocessing, on_error=on_error):
        images = batch.images.float() / 255
        explained = explain(run, images, must_decompose=grid is None)
        for path, pixels, classes in zip(batch.paths, images, explained, strict=True):
            occlusion = None if grid is None else _occlusion(run.method, pixels, classes[0].name, grid)
            summary = summarise(classes, calibration, point)
            explanations.append(Explanation(path, pixels, classes, summary, occlusion))
            progress(1)
    return explanations


@torch.inference_mode()
def explain(run: Run, images: Tensor, must_decompose: bool = True) -> list[tuple[ClassScore, ...]]:
    """The classes of each image (B, 3, s, s) in [0, 1], the highest first, decomposed.

    Raises:
        UserError: the method does not score by texts. Without `must_decompose`, the classes are returned
            without contributions instead.
    """
    method, names = run.method.eval(), run.card.class_names
    prepared = method.prepare(images.to(method.context.backbone.device))
    try:
        contributions = method.contributions(prepared)
    except UserError as error:
        if must_decompose:
            raise UserError(
                error.what,
                code="explain-no-texts",
                file=run.path,
                remedy="Draw which parts of the image matter with --map FILE.png.",
            ) from error
        return scored(method.scores(prepared).fused, names)
    return decompose(contributions, names, origins(run.attributes))


def short_names(images: Sequence[str]) -> list[str]:
    """Short names of images: the file's name, or the path where two files have the same name."""
    names = [Path(image).name for image in images]
    times = Counter(names)
    return [name if times[name] == 1 else image for image, name in zip(images, names, strict=True)]


def as_json(run: Run, explanations: Sequence[Explanation]) -> dict[str, Any]:
    """Everything but the pixels, as `vr explain --json` prints it."""
    config = run.config
    return {
        "format": "explanation/2",
        "dataset": config.card.name,
        "method": config.method,
        "attributes": None if config.attributes is None else config.attributes.id,
        "backbone": config.backbone.id,
        "tau": config.backbone.tau,
        "images": [
            {
                "image": explanation.image,
                "predicted": explanation.classes[0].name,
                "sentence": explanation.summary.sentence,
                "summary": asdict(explanation.summary),
                "classes": [asdict(entry) for entry in explanation.classes],
                **({} if explanation.occlusion is None else {"occlusion": explanation.occlusion.tolist()}),
            }
            for explanation in explanations
        ],
    }


@torch.inference_mode()
def _occlusion(method: Method, pixels: Tensor, name: str, grid: int) -> Tensor:
    label = method.context.card.class_names.index(name)
    device = method.context.backbone.device

    def logits(images: Tensor) -> Tensor:
        return method.scores(method.prepare(images)).fused

    return occlusion_map(logits, pixels.to(device), label, grid=grid)
