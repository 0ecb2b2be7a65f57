"""A trained run that is ready to predict files: its decision, its batches, and the settings of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vr.data.decoding.jpeg_batches import JpegBatches
from vr.data.loading.squares import CpuSquares, DeviceSquares, Squares
from vr.data.loading.unlabelled import UnlabelledFiles
from vr.evaluation import calibration as calibrations
from vr.evaluation.evaluation import default_batch_size
from vr.inference.blocks import Block, Row, Stages, blocks_of, score_blocks, stripe
from vr.inference.decision import Decision
from vr.runs.run import Run, RunConfig
from vr.runtime.device import require_gpu

JpegDecoding = Literal["cpu", "reduced", "gpu"]
"""How JPEG files are decoded: on the CPU; there at a reduced size, where the model sees fewer pixels anyway;
or on the GPU that scores them. Scores differ slightly."""
_RECORDED: dict[JpegDecoding, dict[str, object]] = {
    "cpu": {},
    "reduced": {"reduced_jpeg": True},
    "gpu": {"decode": "gpu"},
}


@dataclass(frozen=True)
class Predictor:
    """See `Predictor.of`.

    Attributes:
        squares: reads and decodes the files of `source`.
        batch_size: images in a block, which the model sees at once.
        stripe: images that a shard takes in a row; several blocks where the device has much memory.
        workers: threads that decode.
    """

    run: Run
    decision: Decision
    source: UnlabelledFiles
    squares: Squares
    batch_size: int
    stripe: int
    workers: int
    jpeg: JpegDecoding = "cpu"

    @classmethod
    def of(
        cls,
        run: Run,
        decision: Decision,
        *,
        batch_size: int | None,
        workers: int,
        jpeg: JpegDecoding = "cpu",
    ) -> Predictor:
        """A predictor; without a batch size, as `vr.evaluation.evaluation.default_batch_size` says.

        Raises:
            UserError: JPEG files cannot be decoded on a GPU here.
        """
        size, backbone = run.method.image_size, run.method.context.backbone
        source = UnlabelledFiles.of(run.card)
        if jpeg == "reduced":
            source = replace(source, reduced_to=size)
        on_cpu = CpuSquares(source, size, backbone.preprocessing)
        squares: Squares = on_cpu
        if jpeg == "gpu":
            require_gpu(backbone.device, "--decode gpu")
            batches = JpegBatches(backbone.device, size, backbone.preprocessing)
            squares = DeviceSquares(on_cpu, batches, workers)
        return cls(
            run,
            decision,
            source,
            squares,
            batch_size or default_batch_size(run.method),
            stripe(batch_size, backbone.device),
            workers,
            jpeg,
        )

    @property
    def has_flags(self) -> bool:
        """Whether rows have flags of an operating point."""
        return self.decision.point is not None

    @property
    def has_sets(self) -> bool:
        """Whether rows have prediction sets."""
        return self.decision.set_limit is not None

    def blocks(self, paths: Iterable[str]) -> Iterator[Block]:
        """A list of files in blocks."""
        return blocks_of(paths, self.batch_size)

    def rows(
        self, blocks: Iterable[Block], stages: Stages | None = None
    ) -> Iterator[tuple[Block, list[Row]]]:
        """The rows of blocks; see `score_blocks`."""
        return score_blocks(
            self.run,
            self.decision,
            self.squares,
            blocks,
            batch_size=self.batch_size,
            workers=self.workers,
            stages=stages,
        )

    def notes(self) -> tuple[str, ...]:
        """What a person should know of the images that were read, a sentence each."""
        count = (self.squares.count.sentence(),) if self.jpeg == "gpu" else ()
        return (*self.source.own_scale.sentences(), *count)

    def settings(self) -> dict[str, object]:
        """What the rows depend on, besides the images."""
        return settings(self.run.path, self.run.config, self.decision, self.jpeg)


def settings(
    run: Path, config: RunConfig, decision: Decision, jpeg: JpegDecoding = "cpu"
) -> dict[str, object]:
    """What the rows of a prediction depend on, besides the images."""
    return {
        "model": calibrations.model_id(run),
        "backbone": config.backbone.id,
        "classes": list(decision.classes),
        "temperature": decision.temperature,
        "threshold": decision.threshold,
        "sets": [decision.set_score, str(decision.set_limit)],
        **_RECORDED[jpeg],
        **({} if decision.point is None else {"point": decision.point.model_dump(mode="json")}),
    }
