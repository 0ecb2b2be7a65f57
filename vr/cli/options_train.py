"""Options of `vr train`; those of a method are set with `--set`, six of BioMedVR's also by flags."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vr.cli.options import OUTPUT, Select, option

METHOD = "Method"
BIOMEDVR = "BioMedVR"
TRAINING = "Training"
# Flags that are short for `--set NAME=VALUE`, by the name of the option of BioMedVR.
SHORTCUTS = ("fusion", "gate", "gate_lr", "penalty", "penalty_over", "frame")
_OF_ONE_CALL = ("config", "set_", "tensorboard", "resume", "fresh", "dry_run", "help")


def flags_of_files(context: typer.Context) -> dict[str, str]:
    """The flags that a file of options may have, as they are spelled, and the parameters that they set."""
    return {
        flag.removeprefix("--").replace("-", "_"): parameter.name
        for parameter in context.command.params
        if parameter.name not in _OF_ONE_CALL and parameter.name is not None
        for flag in parameter.opts
    }


class Fusion(StrEnum):
    """Sign of the negative expert in the fused score."""

    add = "add"
    subtract = "subtract"
    learned = "learned"


class Gate(StrEnum):
    """What the weights of the two experts depend on; with `none` both count half."""

    shared = "shared"
    per_class = "per-class"
    per_image = "per-image"
    none = "none"


class Penalty(StrEnum):
    """The score that the confusion penalty compares with the negative expert's."""

    fused = "fused"
    positive = "positive"


class PenaltyOver(StrEnum):
    """The classes that the confusion penalty sums over."""

    all = "all"
    others = "others"


class Weighting(StrEnum):
    """How classes are weighted in the loss."""

    balanced = "balanced"


Method = Annotated[str, option(METHOD, "Method to train; `vr methods` lists them.")]
Preset = Annotated[str, option(METHOD, "default, paper, or one that `vr methods NAME` lists.")]
Set = Annotated[
    list[str] | None,
    option(
        METHOD,
        "Set an option of the method or of its training recipe. Repeatable. `vr methods NAME` lists them.",
        "--set",
        metavar="KEY=VALUE",
        default="the preset's",
    ),
]

FusionOption = Annotated[
    Fusion | None, option(BIOMEDVR, "Sign of the negative expert in the fused score.", default="add")
]
GateOption = Annotated[
    Gate | None, option(BIOMEDVR, "What the weights of the two experts depend on.", default="shared")
]
GateLr = Annotated[
    float | None, option(BIOMEDVR, "Learning rate of the gate.", "--gate-lr", min=0, default="0.01")
]
PenaltyOption = Annotated[
    Penalty | None,
    option(BIOMEDVR, "The score that the confusion penalty is measured against.", default="fused"),
]
PenaltyOverOption = Annotated[
    PenaltyOver | None,
    option(BIOMEDVR, "The classes that the confusion penalty sums over.", default="all"),
]
Frame = Annotated[
    int | None,
    option(
        BIOMEDVR, "Width of the frame in pixels; also of vp, ar, attrvr.", min=1, default="the backbone's"
    ),
]

Epochs = Annotated[int | None, option(TRAINING, "Passes over the sample.", min=0, default="the method's")]
BatchSize = Annotated[int | None, option(TRAINING, "Images per step.", min=1, default="the method's")]
LearningRate = Annotated[
    float | None, option(TRAINING, "Learning rate at the start.", min=0, default="the method's")
]
Augment = Annotated[
    bool | None,
    option(TRAINING, "Random crops and flips.", "--augment/--no-augment", default="the method's"),
]
EarlyStopping = Annotated[
    int | None,
    option(
        TRAINING,
        "Stop after so many epochs without a better one on validation; implies --select val.",
        "--early-stopping",
        min=1,
        default="never",
    ),
]
ClassWeights = Annotated[
    Weighting | None,
    option(TRAINING, "balanced: classes of different size count the same in the loss.", default="none"),
]
ValidateEpochs = Annotated[
    bool,
    option(TRAINING, "Measure every epoch on validation images, for the curve.", "--validation-curve"),
]
Limit = Annotated[
    int | None,
    option(TRAINING, "Measure at most so many test images: a quick try, no result.", min=1, default="all"),
]
DryRun = Annotated[
    bool, option(OUTPUT, "Say what would be trained on what, and stop before the backbone.", "--dry-run")
]
SelectOption = Annotated[Select, option(TRAINING, "The epoch to keep: the last, or the best on validation.")]
Oracle = Annotated[
    bool,
    option(TRAINING, "Also record the best accuracy on the TEST set: an upper bound, no result.", "--oracle"),
]

Folds = Annotated[
    int | None,
    option(
        TRAINING,
        "Cross-validate: divide all images into so many folds and test on each in turn.",
        min=2,
        default="train and test split",
    ),
]
SkipUnreadable = Annotated[
    bool,
    option(TRAINING, "Leave out images that cannot be read, and list them in the run.", "--skip-unreadable"),
]

Config = Annotated[
    Path | None,
    option(
        TRAINING,
        "A TOML file of these options, or a run's config.json to train it again; flags win over the file.",
        metavar="FILE",
        default="none",
    ),
]
Out = Annotated[
    Path | None, option(OUTPUT, "Run directory.", default="runs/DATASET/METHOD/SHOTS-shot/seed-SEED")
]
Tensorboard = Annotated[bool, option(OUTPUT, "Also write TensorBoard events into the run.", "--tensorboard")]
Resume = Annotated[bool, option(OUTPUT, "Continue a run that was stopped.", "--resume")]
Fresh = Annotated[bool, option(OUTPUT, "Replace a run that exists.", "--fresh")]
