"""Options that several `vr` commands have, as typer reads them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Precision(StrEnum):
    """What the image tower computes in; `auto` is bf16 on a GPU that has it, else fp32."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


RunDirectory = Annotated[Path, typer.Argument(metavar="RUN", help="A directory that `vr train` wrote.")]
Data = Annotated[Path | None, typer.Option("--data", help="Where the images are; else under the data root.")]
Format = Annotated[
    str | None, typer.Option("--format", help="coop, folder, manifest, npz or dicom; else by looking.")
]
Backbone = Annotated[
    str, typer.Option(help="open_clip model, hf-hub:ORG/REPO, a model folder, or mini (comes along).")
]
RunBackbone = Annotated[str | None, typer.Option("--backbone", help="Where the run's backbone is now.")]
Weights = Annotated[str | None, typer.Option(help="open_clip tag, weights file, or random.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")]
RunPrecision = Annotated[Precision | None, typer.Option("--precision", help="[default: the run's]")]
