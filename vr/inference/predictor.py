"""A trained run that is ready to predict files: its decision, its batches, and the settings of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vr.data.loading.unlabelled import UnlabelledFiles
from vr.evaluation import calibration as calibrations
from vr.evaluation.evaluation import default_batch_size
from vr.inference.blocks import Block, Row, Stages, blocks_of, score_blocks, stripe
from vr.inference.decision import Decision
from vr.runs.run import Run, RunConfig


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
    def of(
        cls,
        run: Run,
        decision: Decision,
        *,
        batch_size: int | None,
        workers: int,
        reduced_jpeg: bool = False,
    ) -> Predictor:
        """A predictor; without a batch size, as `vr.evaluation.evaluation.default_batch_size` says.

        Args:
            reduced_jpeg: decode JPEG files at a reduced size, where the model sees fewer pixels anyway.
        """
        source = UnlabelledFiles.of(run.card)
        return cls(
            run,
            decision,
            replace(source, reduced_to=run.method.image_size) if reduced_jpeg else source,
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

    def rows(
        self, blocks: Iterable[Block], stages: Stages | None = None
    ) -> Iterator[tuple[Block, list[Row]]]:
        """The rows of blocks; see `score_blocks`."""
        return score_blocks(
            self.run,
            self.decision,
            self.source,
            blocks,
            batch_size=self.batch_size,
            workers=self.workers,
            stages=stages,
        )

    def settings(self) -> dict[str, object]:
        """What the rows depend on, besides the images."""
        reduced = self.source.reduced_to is not None
        return settings(self.run.path, self.run.config, self.decision, reduced_jpeg=reduced)


def settings(
    run: Path, config: RunConfig, decision: Decision, *, reduced_jpeg: bool = False
) -> dict[str, object]:
    """What the rows of a prediction depend on, besides the images."""
    return {
        "model": calibrations.model_id(run),
        "backbone": config.backbone.id,
        "classes": list(decision.classes),
        "temperature": decision.temperature,
        "threshold": decision.threshold,
        "sets": [decision.set_score, str(decision.set_limit)],
        **({"reduced_jpeg": True} if reduced_jpeg else {}),
        **({} if decision.point is None else {"point": decision.point.model_dump(mode="json")}),
    }
