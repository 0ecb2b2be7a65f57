"""`vr calibrate`: choose images that training did not see, calibrate a run on them, write its files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attrgen.core.errors import UserError
from vr.data.formats.groups import group_key, has_groups
from vr.data.formats.source import ImageSource, Item
from vr.evaluation import calibration as calibrations
from vr.evaluation import selective
from vr.evaluation.calibration import Calibration
from vr.evaluation.conformal import Score
from vr.evaluation.evaluation import evaluate
from vr.evaluation.seen_images import seen_images
from vr.runs import run as runs
from vr.runs.run import Run
from vr.runs.unreadable import read_unreadable

Pool = Literal["val", "train", "all"]
DESCRIPTIONS = {
    "val": "validation images",
    "train": "training images outside the few-shot sample",
    "all": "validation images and training images outside the few-shot sample",
}


def calibrate_run(
    run: Run,
    source: ImageSource,
    *,
    pool: Pool | None = None,
    coverage: float = 0.8,
    score: Score = "lac",
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int], None] = lambda count: None,
) -> Calibration:
    """Score labelled images that training did not see, fit, and write the results into the run directory.

    Args:
        pool: which images; by default those of the val split, or of train where there is no val split.
        coverage: share of images to answer, in (0, 1].
        score: of prediction sets; see `vr.evaluation.conformal.nonconformity`.

    Raises:
        UserError: too few such images, or one cannot be read.
    """
    chosen: Pool = pool or ("val" if source.splits.get("val") else "train")
    items = unseen_items(run, source, chosen)
    units = len({group_key(item) for item in items})
    of_groups = f", of {units} groups that are not in the sample" if has_groups(items) else ""
    say(f"{len(items)} {DESCRIPTIONS[chosen]}{of_groups}")
    if units < 2:
        raise UserError(
            f"{len(items)} {DESCRIPTIONS[chosen]}{of_groups}: too few to calibrate on",
            code="calibration-few-images",
            file=source.root,
            remedy="Use --split all, or give a collection with more labelled images with --data.",
        )
    scored = evaluate(run.method, source, items, progress=progress)
    calibration, curve = calibrations.fit(
        scored,
        model=calibrations.model_id(run.path),
        images_from=DESCRIPTIONS[chosen],
        coverage=coverage,
        score=score,
    )
    selective.write_csv(curve, run.path / runs.RISK_CSV)
    selective.draw(curve, calibration.threshold, run.path / runs.RISK_PNG)
    calibrations.save(calibration, run.path)  # last: where it exists, the others do
    return calibration


def unseen_items(run: Run, source: ImageSource, pool: Pool) -> list[Item]:
    """Labelled images that neither trained the run nor selected anything in it, and no test image.

    Training images of the few-shot sample are always left out; its validation images are left out where the
    epoch or a hyperparameter was chosen on them. With an image its group is left out: the other images of a
    patient that the model was trained on look more certain than those of a new patient.

    Raises:
        UserError: `pool` is none of val, train and all.
    """
    if pool not in DESCRIPTIONS:
        raise UserError(
            f"--split {pool} is not for calibration",
            code="calibration-not-on-test",
            remedy="Use val, train or all; the test set is only for testing.",
        )
    splits = ("val", "train") if pool == "all" else (pool,)
    by_split = _readable(run, source)
    items = [item for split in splits for item in by_split[split]]
    # The sample may be of another split than the pool: with groups, its images are looked for in both.
    looked_at = [*by_split["train"], *by_split["val"]] if has_groups(items) else items
    seen = seen_images(run, source, looked_at, renamed=True)
    return [item for item in items if item.path not in seen]


def _readable(run: Run, source: ImageSource) -> dict[str, list[Item]]:
    """The images of train and val, without those that the run could not read."""
    unreadable = read_unreadable(run.path)
    return {
        split: [item for item in source.splits.get(split, ()) if item.path not in unreadable]
        for split in ("train", "val")
    }
