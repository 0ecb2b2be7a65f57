"""Explanations as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from vr.explanation.explanation import Explanation
from vr.explanation.occlusion import draw_maps
from vr.explanation.outline import COLUMNS, LEGEND, rows
from vr.report.page import render
from vr.runs.run import Run

MAP = (
    "Red: hiding this part lowers the logit of the predicted class; blue: it raises it. The map says what "
    "the score depends on, not where a finding is."
)


def page(run: Run, explanations: Sequence[Explanation], *, classes: int, top: int | None) -> str:
    """The page: each image with its map, if there is one, and the outline of its first `classes` classes."""
    config = run.config
    facts = (
        f"{config.method}, {config.shots} shots, seed {config.seed}; backbone {config.backbone.name}"
        + ("" if config.attributes is None else f"; attributes {config.attributes.id[:12]}")
        + ". Every image as the method sees it."
    )
    return render(
        "explanation.html.j2",
        "explanation",
        title=f"Why: {config.card.title}",
        facts=facts,
        legend=LEGEND,
        columns=COLUMNS,
        images=[
            {
                "title": each.title,
                "picture": base64.b64encode(_picture(each)).decode("ascii"),
                "alt": _alt(each),
                "caption": "" if each.occlusion is None else MAP,
                "rows": list(rows(each.classes[:classes], top)),
            }
            for each in explanations
        ],
    )


def _picture(each: Explanation) -> bytes:
    if each.occlusion is not None:
        return draw_maps([each.pixels], [each.occlusion], [""])
    content = BytesIO()
    pixels = (each.pixels.permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()


def _alt(each: Explanation) -> str:
    name = Path(each.image).name
    if each.occlusion is None:
        return f"{name} as the method sees it"
    row, column = divmod(int(each.occlusion.argmax()), each.occlusion.shape[1])
    size = len(each.occlusion)
    return (
        f"{name}, and over it how much the logit of {each.classes[0].name} falls where it is hidden: "
        f"most in row {row + 1}, column {column + 1} of {size} by {size}"
    )
