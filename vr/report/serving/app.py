"""The application of `vr serve`: the page, its script, and the answer for one image."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError
from attrgen.core.local_server import application
from vr.data.decoding.pixels import decode_with_rules
from vr.data.formats.source import Item
from vr.data.loading.own_scale import OwnScale
from vr.data.loading.unlabelled import NO_LABEL
from vr.evaluation import calibration as calibrations
from vr.evaluation import operating_point
from vr.explanation import summary
from vr.explanation.explanation import Explanation, explain_items
from vr.explanation.outline import COLUMNS, LEGEND
from vr.inference.decision import Prediction, decision
from vr.inference.predict import predictions
from vr.report.explanation_page import shown
from vr.report.page import render
from vr.runs.run import Run

if TYPE_CHECKING:
    from PIL import Image
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

SETS = 0.9  # coverage of prediction sets
_SCRIPT = Path(__file__).with_name("page.js")


@dataclass(frozen=True)
class Upload:
    """One image that was sent. See `vr.data.formats.source.ImageSource`; it has no splits."""

    content: bytes
    window: tuple[float, float] | None
    intensity: tuple[float, float] | None
    own_scale: OwnScale = field(default_factory=OwnScale)
    root: Path = field(default_factory=Path)
    splits: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def read(self, item_path: str) -> Image.Image:
        image, rules = decode_with_rules(
            self.content, item_path, window=self.window, intensity=self.intensity
        )
        if self.intensity is None:
            self.own_scale.add(item_path, rules)
        return image

    def stamp(self, item_path: str) -> str:
        return item_path


@dataclass
class Answers:
    """Answers of a run, one image at a time."""

    run: Run
    grid: int = 8
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def page(self) -> str:
        """The page on which images are dropped."""
        config, calibration = self.run.config, calibrations.load(self.run.path)
        return render(
            "serve.html.j2",
            "serve",
            title=config.card.title,
            shows=config.card.shows,
            classes=self.run.card.class_names,
            method=config.method,
            backbone=Path(config.backbone.name).name,
            calibrated=calibration is not None,
            note=summary.LEGEND,
        )

    def answer(self, content: bytes, name: str) -> str:
        """A fragment of HTML: prediction, sentence, occlusion map, set and contributions of one image.

        Raises:
            UserError: it is no image.
        """
        with self._lock:
            prediction, explanation, notes = self._answer(content, name)
        ranked = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
        point = operating_point.load(self.run.path)
        return render(
            "answer.html.j2",
            "serve",
            image=shown(explanation, classes=3, top=5),
            legend=LEGEND,
            columns=COLUMNS,
            ranked=ranked,
            abstained=prediction.abstained,
            set=prediction.set,
            coverage=SETS,
            flagged=prediction.flagged,
            notes=notes,
            flag_class=None if point is None else point.class_name,
        )

    def _answer(self, content: bytes, name: str) -> tuple[Prediction, Explanation, tuple[str, ...]]:
        images = self.run.card.images
        window, intensity = (None, None) if images is None else (images.window, images.intensity)
        source, items = Upload(content, window, intensity), [Item(name, NO_LABEL)]
        calibration, point = calibrations.load(self.run.path), operating_point.load(self.run.path)
        sets = SETS if calibration is not None else None
        rule = decision(self.run.card.class_names, calibration, sets=sets, point=point, run=self.run.path)
        prediction = next(iter(predictions(self.run, rule, source, items)))[0]
        notes = source.own_scale.sentences()  # now, as explaining reads the image again
        explained = explain_items(self.run, source, items, grid=self.grid, calibration=calibration)
        return prediction, explained[0], notes


def make_app(run: Run, secret: str, *, grid: int = 8) -> Starlette:
    """The application of a run, below a secret path."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, PlainTextResponse
    from starlette.responses import Response as Plain

    answers = Answers(run, grid)

    async def page(request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(answers.page))

    async def script(request: Request) -> Response:
        return Plain(_SCRIPT.read_text("utf-8"), media_type="text/javascript")

    async def answer(request: Request) -> Response:
        name = Path(request.query_params.get("name", "image")).name or "image"
        content: Any = await request.body()
        try:
            return HTMLResponse(await run_in_threadpool(answers.answer, content, name))
        except UserError as error:
            return PlainTextResponse(str(error), 400)

    return application([("GET", "/", page), ("GET", "/page.js", script), ("POST", "/answer", answer)], secret)
