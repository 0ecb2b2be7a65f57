"""Explanations as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from vr.explanation import summary
from vr.explanation.explanation import Explanation, short_names
from vr.explanation.occlusion import draw_maps
from vr.explanation.outline import COLUMNS, LEGEND, rows
from vr.report.page import render
from vr.runs.run import Run

MAP = (
    "Red: hiding this part lowers the logit of the predicted class; blue: it raises it. The map shows what "
    "the score depends on, not where a finding is."
)


def page(run: Run, explanations: Sequence[Explanation], *, classes: int, top: int | None) -> str:
    """The page: per image a sentence, the map if there is one, and the outline of its first classes."""
    config = run.config
    names = short_names([explanation.image for explanation in explanations])
    facts = (
        f"{config.method}, {config.shots} shots, seed {config.seed}; backbone {config.backbone.name}"
        + ("" if config.attributes is None else f"; attributes {config.attributes.id[:12]}")
        + ". Images as the method sees them."
    )
    return render(
        "explanation.html.j2",
        "explanation",
        title=f"Why: {config.card.title}",
        facts=facts,
        legend=LEGEND,
        note=f"{summary.LEGEND} {summary.scope(len(config.card.classes))}",
        columns=COLUMNS,
        images=[
            {**shown(explanation, classes=classes, top=top), "title": name}
            for name, explanation in zip(names, explanations, strict=True)
        ],
    )


def shown(explanation: Explanation, *, classes: int, top: int | None) -> dict[str, Any]:
    """What a template shows of an explanation."""
    return {
        "title": Path(explanation.image).name,
        "sentence": explanation.summary.sentence,
        "picture": base64.b64encode(_picture(explanation)).decode("ascii"),
        "alt": _alt(explanation),
        "caption": "" if explanation.occlusion is None else MAP,
        "rows": list(rows(explanation.classes[:classes], explanation.summary.probabilities, top)),
    }


def _picture(explanation: Explanation) -> bytes:
    if explanation.occlusion is not None:
        return draw_maps([explanation.pixels], [explanation.occlusion], [""])
    content = BytesIO()
    pixels = (explanation.pixels.permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()


def _alt(explanation: Explanation) -> str:
    name = Path(explanation.image).name
    if explanation.occlusion is None:
        return f"{name} as the method sees it"
    row, column = divmod(int(explanation.occlusion.argmax()), explanation.occlusion.shape[1])
    size = len(explanation.occlusion)
    return (
        f"{name}, and over it how much the logit of {explanation.classes[0].name} falls where it is hidden: "
        f"most in row {row + 1}, column {column + 1} of {size} by {size}"
    )
