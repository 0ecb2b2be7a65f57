"""Options of `vr eval`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from vr.cli.options import IMAGES, OUTPUT, option

OPERATING = "Operating point"


class Pool(StrEnum):
    """Labelled images to choose on; those that training saw are always left out."""

    val = "val"
    train = "train"
    all = "all"


Split = Annotated[str, option(IMAGES, "train, val or test.")]
Target = Annotated[
    str | None,
    option(
        OPERATING,
        "Choose the probability from which an image counts as --class: sensitivity=0.95 or specificity=0.9. "
        "It is kept in the run, and `vr predict` uses it.",
        "--operating-point",
        metavar="TARGET=VALUE",
        default="the run's",
    ),
]
ClassName = Annotated[
    str | None, option(OPERATING, "The class that counts.", "--class", default="of two classes the second")
]
ChooseOn = Annotated[
    Pool | None,
    option(
        OPERATING,
        "Images to choose on, never the test set.",
        default="val, or train where there are no val images",
    ),
]
Curves = Annotated[
    bool, option(OUTPUT, "Also write roc.csv and pr.csv: all points of both curves.", "--curves")
]
Out = Annotated[
    Path | None, option(OUTPUT, "Folder of the results.", default="RUN, or RUN/SPLIT if not test")
]
