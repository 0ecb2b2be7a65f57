"""Options that several `vr` commands share, declared once: their names, groups, help texts and types."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from vr.data.formats.builtin import NAMES as FORMATS
from vr.evaluation.metrics import COMPARED

# The groups in which `--help` lists options.
IMAGES = "Images and attributes"
SAMPLE = "Few-shot sample"
BACKBONE = "Backbone and device"
OUTPUT = "Output"


class Precision(StrEnum):
    """What the image tower computes in; `auto` is bf16 where the device has it and it is exact enough."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Select(StrEnum):
    """Which epoch a run keeps: the last, or the best on validation; never the best on the test set."""

    last = "last"
    val = "val"


def option(group: str, help: str, *names: str, default: str | bool = True, **more: Any) -> Any:
    """An option of a group; `default` is what the help shows where the default itself is None."""
    return typer.Option(*names, help=help, rich_help_panel=group, show_default=default, **more)


def _backbone(name: str | None) -> str | None:
    """A known backbone's name, before torch is loaded."""
    from vr.clip.source import DEFAULT_NAME, MINI, check_name

    if name not in (None, DEFAULT_NAME, MINI):
        check_name(name)
    return name


def _device(name: str) -> str:
    """A device's name, before torch is loaded."""
    from vr.runtime.device import check_device_name

    check_device_name(name)
    return name


RunDirectory = Annotated[Path, typer.Argument(metavar="RUN", help="A directory that `vr train` wrote.")]
DatasetArgument = Annotated[
    str, typer.Argument(metavar="DATASET", help="A card's name or path, or the path of a collection.")
]

Attributes = Annotated[
    Path | None, option(IMAGES, "Attribute set.", "--attrs", default="attrs/DATASET.json, else the library")
]
Dataset = Annotated[
    str | None,
    option(IMAGES, "A card's name or path, or the path of a collection.", default="the attribute set's"),
]
Data = Annotated[
    Path | None,
    option(
        IMAGES,
        "The collection: a folder, or an archive or table in one of the formats.",
        default="the card's folder under $VR_DATA, else under datasets/",
    ),
]
RunData = Annotated[
    Path | None, option(IMAGES, "Where the run's collection is now.", "--data", default="the run's")
]
Format = Annotated[
    str | None,
    option(
        IMAGES,
        f"Format of the collection: {', '.join(FORMATS)}, or one of an installed package.",
        "--format",
        default="detected",
    ),
]
Classes = Annotated[
    str, option(IMAGES, "Only these classes, separated by commas.", "--classes", default="all")
]

Shots = Annotated[int, option(SAMPLE, "Labelled training images per class.", "--shots", min=1)]
Seed = Annotated[int, option(SAMPLE, "Seed of the sample, and of training.", "--seed")]
FewShot = Annotated[
    Path | None,
    option(SAMPLE, "Use the sample in this fewshot.json.", "--fewshot", default="drawn by shots and seed"),
]

Backbone = Annotated[
    str,
    option(
        BACKBONE,
        "Name of an open_clip model, hf-hub:ORG/REPO, a model folder, or mini (included).",
        callback=_backbone,
    ),
]
RunBackbone = Annotated[
    str | None,
    option(
        BACKBONE, "Where the run's backbone is now.", "--backbone", default="the run's", callback=_backbone
    ),
]
Weights = Annotated[
    str | None,
    option(BACKBONE, "An open_clip tag, a weights file, or random.", default="the backbone's own"),
]
Device = Annotated[str, option(BACKBONE, "auto, cpu, cuda, or one GPU, such as cuda:1.", callback=_device)]
ComputeIn = Annotated[
    Precision, option(BACKBONE, "Number format of the image tower; auto: bf16 where it is fast and exact.")
]
RunPrecision = Annotated[
    Precision | None,
    option(BACKBONE, "Number format of the image tower.", "--precision", default="the run's"),
]

AsJson = Annotated[bool, option(OUTPUT, "Print JSON instead of a table.", "--json")]
Force = Annotated[bool, option(OUTPUT, "Overwrite files that exist.", "--force")]
Metric = Annotated[
    str, option(OUTPUT, f"{', '.join(tuple(COMPARED)[:-1])} or {tuple(COMPARED)[-1]}.", "--metric")
]
Roots = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FOLDER]...", help="Folders with runs.", show_default="runs"),
]
