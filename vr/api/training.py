"""`vr.train`: what `vr train` does, from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from attrgen.core.arguments import checked
from attrgen.core.errors import UserError
from attrgen.core.names import did_you_mean
from attrgen.core.validation import validate
from vr.api.model import Model
from vr.evaluation import calibration as calibrations
from vr.runs.experiment import Experiment
from vr.training.cross_validation import cross_validate
from vr.training.train import run_experiment


class Settings(TypedDict, total=False):
    """What `train` can be asked for besides the dataset; defaults as for the command."""

    attrs: str | Path  # attribute set; by default attrs/DATASET.json, else the curated library's
    data: str | Path  # the collection; by default under the data root
    data_format: str
    classes: Sequence[str]
    method: str  # see `vr methods`
    preset: str
    options: Mapping[str, Any]  # of the method, as --set on the command line
    recipe: Mapping[str, Any]  # epochs, batch_size, lr, …, as --set on the command line
    shots: int
    seed: int
    fewshot: str | Path
    backbone: str
    weights: str
    device: str
    precision: Literal["auto", "fp32", "bf16"]
    select: Literal["last", "val"]
    oracle: bool
    validate_epochs: bool  # measure every epoch on validation images
    limit: int  # most test images, for a quick try
    skip_unreadable: bool
    runs: str | Path
    out: str | Path


@overload
def train(
    dataset: str | Path | None = None,
    *,
    folds: None = None,
    resume: bool = False,
    fresh: bool = False,
    say: Callable[[str], None] = lambda line: None,
    **settings: Unpack[Settings],
) -> Model: ...


@overload
def train(
    dataset: str | Path | None = None,
    *,
    folds: int,
    resume: bool = False,
    fresh: bool = False,
    say: Callable[[str], None] = lambda line: None,
    **settings: Unpack[Settings],
) -> list[Model]: ...


@checked
def train(
    dataset: str | Path | None = None,
    *,
    folds: int | None = None,
    resume: bool = False,
    fresh: bool = False,
    say: Callable[[str], None] = lambda line: None,
    **settings: Unpack[Settings],
) -> Model | list[Model]:
    """Train on a few labelled images per class, measure on the test set, and return the model.

    Example:
        model = vr.train("my-images/", method="linear-probe", backbone="mini", shots=4)
        model.metrics.accuracy

    Args:
        dataset: a card's name or path, or the path of a collection; by default the attribute set's.
        folds: cross-validate: divide all images into so many folds, test on each in turn, and return a model
            for each.
        resume: continue a run that was stopped; a finished one is loaded.
        fresh: replace a run that exists.
        say: called with each line of progress; `print` shows them.
        **settings: the options of `vr train`, see `Settings`.

    Raises:
        UserError: a setting is unknown or out of range, something is missing, or the run exists already.
    """
    if unknown := sorted(settings.keys() - Settings.__annotations__.keys()):
        raise UserError(
            f"unknown setting '{unknown[0]}'",
            code="experiment-unknown-key",
            remedy=f"{did_you_mean(unknown[0], Settings.__annotations__)} See `vr.api.training.Settings`.",
        )
    values = {**settings, "dataset": None if dataset is None else str(dataset), "folds": folds}
    asked = validate(Experiment, values, what="training", code="experiment")
    if folds is None:
        run = run_experiment(asked, resume=resume, fresh=fresh, say=say)
        return Model(run, calibrations.load(run.path))
    each = cross_validate(asked, resume=resume, fresh=fresh, say=say)
    return [Model(run, calibrations.load(run.path)) for run in each]
