"""Options of `vr sweep`, which replace values of its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli.options import BACKBONE, OUTPUT, Precision, Select, option

GRID = "Grid"
COMMON = "All cells"
RUN = "Execution"
RECIPES = "the recipe's"

Recipe = Annotated[
    str | None,
    typer.Argument(metavar="[RECIPE]", help="table1, fewshot-curve, ablations, natural, …, or a TOML file."),
]
Datasets = Annotated[
    str, option(GRID, "Names or paths of cards, or collections, separated by commas.", default=RECIPES)
]
Methods = Annotated[str, option(GRID, "Methods, separated by commas.", default=RECIPES)]
Data = Annotated[
    Path | None,
    option(
        GRID,
        "The collection, or the folder that holds those of all datasets.",
        "--data",
        default="the recipe's, else the card's folder under $VR_DATA, else under datasets/",
    ),
]
Shots = Annotated[
    str, option(GRID, "Numbers of shots, separated by commas.", default="the recipe's, else 16")
]
Seeds = Annotated[str, option(GRID, "Seeds, separated by commas.", default="the recipe's, else 1,2,3")]

Folds = Annotated[
    int | None,
    option(GRID, "Folds of a cross-validation of every cell.", min=2, default="the recipe's, else none"),
]

Preset = Annotated[
    str | None,
    option(
        COMMON, "Preset of methods for which the recipe names none.", default="the recipe's, else default"
    ),
]
Epochs = Annotated[int | None, option(COMMON, "Epochs of every method.", min=0, default="each method's")]
SelectOption = Annotated[
    Select | None,
    option(
        COMMON, "The epoch to keep: the last, or the best on validation.", default="the recipe's, else last"
    ),
]
Oracle = Annotated[
    bool,
    option(COMMON, "Also record the best accuracy on the TEST set: an upper bound, no result.", "--oracle"),
]

Backbone = Annotated[
    str | None,
    option(
        BACKBONE,
        "Name of an open_clip model, hf-hub:ORG/REPO, a model folder, or mini (included).",
        default="the recipe's, else ViT-B-16-quickgelu",
    ),
]
Weights = Annotated[
    str | None, option(BACKBONE, "An open_clip tag, a weights file, or random.", default=RECIPES)
]
Device = Annotated[
    str | None,
    option(BACKBONE, "auto, cpu, cuda, or one GPU, such as cuda:1.", default="the recipe's, else auto"),
]
ComputeIn = Annotated[
    Precision | None,
    option(BACKBONE, "Number format of the image tower.", default="the recipe's, else auto"),
]

Runs = Annotated[
    Path | None, option(OUTPUT, "Folder of the run directories.", default="the recipe's, else runs")
]
Jobs = Annotated[
    int | None,
    option(
        RUN,
        "Cells at the same time, each on another GPU where there are several.",
        min=1,
        default="1; on Ray, as many as fit",
    ),
]
On = Annotated[
    str,
    option(
        RUN,
        "Where cells run: local, slurm, ray://HOST:10001, or ray (at $RAY_ADDRESS, else on this machine).",
        "--on",
    ),
]
GpusPerJob = Annotated[
    float | None,
    option(
        RUN,
        "Share of a GPU that a cell gets on Ray, such as 0.25.",
        "--gpus-per-job",
        min=0,
        default="1 where there are GPUs",
    ),
]
Slurm = Annotated[
    Path | None,
    option(
        RUN,
        "TOML file with partition, account, time, memory, gpus, cells_per_task, prologue and others.",
        "--slurm",
        default="the cluster's defaults",
    ),
]
ShowStatus = Annotated[
    bool, option(RUN, "Only show how far the sweep is, read from its run directories.", "--status")
]
Retry = Annotated[bool, option(RUN, "Run cells that failed again.", "--retry")]
DryRun = Annotated[bool, option(RUN, "Only list the cells and their state.", "--dry-run")]
