"""Which parts of an image matter: hide one, and measure how far the score of the class falls.

Occlusion sensitivity of Zeiler and Fergus (ECCV 2014). It needs nothing but scores, so it works for every
backbone and method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO

import torch
from torch import Tensor

CELLS = 2  # side of the hidden square, in cells of the grid; it moves by one cell


def occlusion_map(
    logits: Callable[[Tensor], Tensor], image: Tensor, label: int, *, grid: int = 8, batch_size: int = 32
) -> Tensor:
    """How much the logit of a class falls where the image is hidden.

    A square of 2 by 2 cells, filled with the image's mean colour, is moved over a grid of cells; a cell's
    value is the mean over the squares that hid it.

    Args:
        logits: fused scores (B, C) of images (B, 3, s, s) in [0, 1].
        image: (3, s, s) in [0, 1].
        label: of the class.
        grid: cells per side, at least 3 and at most s.

    Returns:
        (grid, grid), in logit units: positive where hiding the image lowers the score, negative where it
        raises it.
    """
    side = image.shape[-1]
    edges = [round(side * step / grid) for step in range(grid + 1)]
    positions = [(row, column) for row in range(grid - CELLS + 1) for column in range(grid - CELLS + 1)]
    mean = image.mean((1, 2), keepdim=True)
    whole = logits(image[None])[0, label]
    drops = []  # of the logit, one per position
    for start in range(0, len(positions), batch_size):
        chosen = positions[start : start + batch_size]
        hidden = image.repeat(len(chosen), 1, 1, 1)
        for picture, (row, column) in zip(hidden, chosen, strict=True):
            rows, columns = slice(edges[row], edges[row + CELLS]), slice(edges[column], edges[column + CELLS])
            picture[:, rows, columns] = mean
        drops.append(whole - logits(hidden)[:, label])
    total, times = torch.zeros(2, grid, grid)
    for (row, column), drop in zip(positions, torch.cat(drops).tolist(), strict=True):
        total[row : row + CELLS, column : column + CELLS] += drop
        times[row : row + CELLS, column : column + CELLS] += 1
    return total / times


def draw_maps(
    images: Sequence[Tensor], drops: Sequence[Tensor], titles: Sequence[str], *, background: str = "white"
) -> bytes:
    """A PNG: each image, and beside it the image under its map.

    Args:
        images: (3, s, s) in [0, 1].
        drops: maps of `occlusion_map`.
        titles: one per image.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2 * len(images)), layout="constrained", facecolor=background)
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(images), 2, squeeze=False)
    for (plain, over), image, drop, title in zip(grid, images, drops, titles, strict=True):
        picture = image.permute(1, 2, 0).clamp(0, 1).numpy()
        most = max(float(drop.abs().max()), 1e-6)
        side = image.shape[-1]
        for axes in (plain, over):
            axes.imshow(picture)
            axes.axis("off")
        drawn = over.imshow(
            drop.numpy(),
            cmap="RdBu_r",
            vmin=-most,
            vmax=most,
            alpha=(drop.abs() / most).numpy() * 0.75,
            extent=(-0.5, side - 0.5, side - 0.5, -0.5),
            interpolation="bilinear",
        )
        bar = figure.colorbar(drawn, ax=over, shrink=0.8)
        bar.set_label("fall of the logit when hidden", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        plain.set_title(title, fontsize=8, loc="left", parse_math=False)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()
