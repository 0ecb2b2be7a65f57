"""Options of `vr predict`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vr.cli.options import BACKBONE, IMAGES, OUTPUT, option

DECISION = "Decision"
SCALE = "Several processes and machines"

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH...",
        help="Images; folders, .zip, .tar and .parquet files with all images in them; URLs, such as "
        "s3://BUCKET/FOLDER; .txt lists of paths, one per line.",
        show_default=False,
    ),
]
Stdin = Annotated[bool, option(IMAGES, "Read paths from standard input, one per line.", "--stdin")]
ReducedJpeg = Annotated[
    bool,
    option(
        IMAGES,
        "Decode large JPEG files at a reduced size: several times faster, slightly other scores.",
        "--reduced-jpeg",
    ),
]


class DecodeOn(StrEnum):
    """Where JPEG files are decoded."""

    cpu = "cpu"
    gpu = "gpu"


Decode = Annotated[
    DecodeOn,
    option(
        IMAGES,
        "Where to decode JPEG files. gpu: only their bytes are copied to the GPU that scores them; slightly "
        "other scores; other images are decoded on the CPU.",
        "--decode",
    ),
]
Workers = Annotated[int, option(IMAGES, "Threads that decode images.", min=1)]

Threshold = Annotated[
    float | None, option(DECISION, "Abstain below this probability, 0 to 1.", default="the calibration's")
]
Coverage = Annotated[
    float | None,
    option(
        DECISION,
        "Share of images to answer, 0 to 1, instead of a threshold; needs `vr calibrate`.",
        default="unset",
    ),
]
Sets = Annotated[
    float | None,
    option(
        DECISION,
        "Add prediction sets that contain the true class this often, such as 0.9; needs `vr calibrate`.",
        default="no sets",
    ),
]
Calibrated = Annotated[
    bool, option(DECISION, "Use the run's calibration where it has one.", "--calibrated/--raw")
]

Out = Annotated[
    Path | None, option(OUTPUT, "Table to write: .csv, .jsonl or .parquet.", default="CSV on standard output")
]
Jsonl = Annotated[bool, option(OUTPUT, "JSON lines on standard output instead of CSV.", "--jsonl")]
Errors = Annotated[
    Path | None,
    option(OUTPUT, "CSV of the files that could not be read.", default="listed on standard error only"),
]
Resume = Annotated[bool, option(OUTPUT, "Continue a prediction that was stopped.", "--resume")]
Restart = Annotated[bool, option(OUTPUT, "Start again, and overwrite files that exist.", "--force")]
ShardOption = Annotated[
    str | None,
    option(
        SCALE,
        "Predict only one part of the list, such as 2/8; numbers start at 1. Then use --merge.",
        "--shard",
        default="the whole list",
    ),
]
On = Annotated[
    str,
    option(SCALE, "Where to predict: local, ray://HOST:10001, or ray (at $RAY_ADDRESS, else here).", "--on"),
]
Jobs = Annotated[
    int | None, option(SCALE, "Actors on Ray.", "--jobs", min=1, default="as many as the cluster holds")
]
GpusPerJob = Annotated[
    float | None,
    option(
        SCALE,
        "Share of a GPU that an actor gets on Ray, such as 0.5.",
        "--gpus-per-job",
        min=0,
        default="1 where there are GPUs",
    ),
]
Merge = Annotated[bool, option(SCALE, "Write the table of all shards, in the order of the list.", "--merge")]

BatchSize = Annotated[
    int | None,
    option(BACKBONE, "Images per batch.", min=1, default="64 on a CPU; what the memory of a GPU holds"),
]
