"""The images that an experiment may use, and its few-shot sample; no torch is needed."""

from __future__ import annotations

from dataclasses import dataclass

from attrgen.core.errors import UserError
from vr.data.formats.source import ImageSource
from vr.data.sampling import fewshot
from vr.data.sampling.fewshot import FewShot
from vr.data.sampling.folds import draw_folds
from vr.data.sampling.view import limited, without_unreadable
from vr.runs.experiment import Resolved, Say
from vr.runs.run import FoldRecord


@dataclass(frozen=True)
class ExperimentImages:
    """The images of an experiment.

    Attributes:
        source: those that it may use: one fold is the test split, unreadable ones are left out.
        fold: which fold is the test split; None without cross-validation.
        unreadable: errors of the images that were left out, by path.
        sample: the few-shot sample.
        limited_from: how many test images there are, where only some are used; else None.
    """

    source: ImageSource
    fold: FoldRecord | None
    unreadable: dict[str, UserError]
    sample: FewShot
    limited_from: int | None = None


def check_enough(resolved: Resolved) -> None:
    """Check, without reading an image, that there are test images, and enough to train or a sample's file.

    Raises:
        UserError: there are not.
    """
    asked = resolved.asked
    if asked.folds is None and not resolved.source.splits.get("test"):
        raise UserError(
            "there are no test images, and none can be held out",
            code="experiment-no-test-images",
            file=resolved.source.root,
            remedy="Name test images in a folder test/ or a column split, or add images: to hold one out, a "
            "class needs two, and two patients where patients are known.",
        )
    if asked.fewshot is not None:
        fewshot.listed_paths(asked.fewshot)
    elif asked.folds is None:
        fewshot.check_enough(resolved.source, resolved.card, asked.shots)


def experiment_images(resolved: Resolved, say: Say = lambda line: None) -> ExperimentImages:
    """The images of an experiment, with its few-shot sample.

    Raises:
        UserError: as for `training_source` and `draw_sample`.
    """
    source, fold, unreadable = training_source(resolved, say)
    sample = draw_sample(resolved, source)
    limit, images = resolved.asked.limit, len(source.splits.get("test", ()))
    if limit is None or limit >= images:
        return ExperimentImages(source, fold, unreadable, sample)
    return ExperimentImages(limited(source, "test", limit), fold, unreadable, sample, images)


def training_source(
    resolved: Resolved, say: Say = lambda line: None
) -> tuple[ImageSource, FoldRecord | None, dict[str, UserError]]:
    """The images to use, which fold is the test split, and errors of images that are left out.

    Test images are read only for folds and for the oracle.
    """
    asked, source = resolved.asked, resolved.source
    unreadable: dict[str, UserError] = {}
    if asked.skip_unreadable:
        early = asked.folds is not None or asked.oracle  # then test images are read before the end
        splits = tuple(source.splits) if early else ("train", "val")
        source, unreadable = without_unreadable(source, splits)
    if asked.folds is None or asked.fold is None:
        return source, None, unreadable
    folds = draw_folds(source, resolved.card, asked.folds, asked.seed)
    if asked.fold == 1:
        for note in folds.notes:
            say(note)
    record = FoldRecord(number=asked.fold, folds=asked.folds, digest=folds.digest)
    return folds.view(source, asked.fold), record, unreadable


def draw_sample(resolved: Resolved, source: ImageSource) -> FewShot:
    """The few-shot sample of an experiment: drawn, or as its file says.

    Raises:
        UserError: too few images of a class, an image cannot be read, or a file of another collection.
    """
    asked = resolved.asked
    if asked.fewshot is None:
        return fewshot.draw(source, resolved.card, asked.shots, asked.seed)
    return fewshot.load(asked.fewshot, source, resolved.card)
