"""Options of `vr explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli.options import OUTPUT, option

EXPLANATION = "Explanation"

Images = Annotated[
    list[Path],
    typer.Argument(metavar="IMAGE...", help="Image files, folders of them, or paths of RUN/predictions.csv."),
]
Details = Annotated[bool, option(EXPLANATION, "Show every contribution, as a table per image.", "--details")]
Classes = Annotated[int, option(EXPLANATION, "Classes in the details, the most probable first.", min=1)]
Top = Annotated[
    int | None, option(EXPLANATION, "Texts per bank in the details.", min=1, default="all that count")
]
Grid = Annotated[int, option(EXPLANATION, "Cells per side of the occlusion map.")]

Map = Annotated[
    Path | None,
    option(
        OUTPUT,
        "Draw an occlusion map of the predicted class into this PNG file.",
        "--map",
        default="not drawn",
    ),
]
Html = Annotated[
    Path | None, option(OUTPUT, "Write everything, with the map, as one page.", default="not written")
]
