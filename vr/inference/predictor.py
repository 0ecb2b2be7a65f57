"""A trained run that is ready to predict files: its decision, its batches, and the settings of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vr.data.loading.unlabelled import UnlabelledFiles
from vr.evaluation import calibration as calibrations
from vr.evaluation.evaluation import default_batch_size
from vr.inference.blocks import Block, Row, blocks_of, score_blocks, stripe
from vr.inference.decision import Decision
from vr.runs.run import Run


@dataclass(frozen=True)
class Predictor:
    """See `Predictor.of`.

    Attributes:
        batch_size: images in a block, which the model sees at once.
        stripe: images that a shard takes in a row; several blocks where the device has much memory.
        workers: threads that decode.
    """

    run: Run
    decision: Decision
    source: UnlabelledFiles
    batch_size: int
    stripe: int
    workers: int

    @classmethod
    def of(cls, run: Run, decision: Decision, *, batch_size: int | None, workers: int) -> Predictor:
        """A predictor; without a batch size, as `vr.evaluation.evaluation.default_batch_size` says."""
        return cls(
            run,
            decision,
            UnlabelledFiles.of(run.card),
            batch_size or default_batch_size(run.method),
            stripe(batch_size, run.method.context.backbone.device),
            workers,
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

    def rows(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, list[Row]]]:
        """The rows of blocks; see `score_blocks`."""
        return score_blocks(
            self.run, self.decision, self.source, blocks, batch_size=self.batch_size, workers=self.workers
        )

    def settings(self) -> dict[str, object]:
        """What the rows depend on, besides the images."""
        decision = self.decision
        return {
            "model": calibrations.model_id(self.run.path),
            "backbone": self.run.config.backbone.id,
            "classes": list(decision.classes),
            "temperature": decision.temperature,
            "threshold": decision.threshold,
            "sets": [decision.set_score, str(decision.set_limit)],
            **({} if decision.point is None else {"point": decision.point.model_dump(mode="json")}),
        }
