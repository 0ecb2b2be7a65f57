"""`vr explain` on the command line: parse, call, print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vr.cli import options, values

if TYPE_CHECKING:
    from vr.explanation.explanation import Explanation

EXPLANATION = "Explanation"


def explain(
    run_directory: options.RunDirectory,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of them.")
    ],
    details: Annotated[
        bool,
        options.option(EXPLANATION, "Show every contribution, as a table per image.", "--details"),
    ] = False,
    classes: Annotated[
        int, options.option(EXPLANATION, "Classes in the details, the most probable first.", min=1)
    ] = 3,
    top: Annotated[
        int | None,
        options.option(EXPLANATION, "Texts per bank in the details.", min=1, default="all that count"),
    ] = None,
    grid: Annotated[int, options.option(EXPLANATION, "Cells per side of the occlusion map.")] = 8,
    map_: Annotated[
        Path | None,
        options.option(
            options.OUTPUT,
            "Draw an occlusion map of the predicted class into this PNG file.",
            "--map",
            default="not drawn",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        options.option(options.OUTPUT, "Write everything, with the map, as one page.", default="not written"),
    ] = None,
    as_json: options.AsJson = False,
    force: options.Force = False,
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.RunPrecision = None,
) -> None:
    """Explain predictions by the texts behind them.

    One sentence per image: the class, how sure, and the texts that decided against the runner-up. With
    --details, the score of each class as the sum of what its experts, banks and single texts contribute.
    """
    import json

    from attrgen.core.files import write_text
    from vr.data.loading.unlabelled import image_paths
    from vr.evaluation import calibration as calibrations
    from vr.explanation import explanation, table
    from vr.runs import run as runs
    from vr.runtime.progress import count_bar

    if not force:
        values.check_free(map_, html, remedy="Choose another path, or overwrite it with --force.")
    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)
    calibration = calibrations.load(run_directory)
    paths = list(image_paths(images))
    with count_bar("images", len(paths)) as advance:
        explained = explanation.explain_images(
            run,
            paths,
            grid=grid if map_ or html else None,
            calibration=calibration,
            progress=advance,
        )
    if as_json:
        typer.echo(json.dumps(explanation.as_json(run, explained), indent=2, ensure_ascii=False))
    elif details:
        table.show_details(explained, classes=classes, top=top)
    else:
        table.show(explained)
    if map_:
        _write_map(map_, explained)
    if html:
        from vr.report.explanation_page import page

        write_text(html, page(run, explained, classes=classes, top=top))
        typer.echo(f"written: {html}", err=True)


def _write_map(path: Path, explained: Sequence[Explanation]) -> None:
    from attrgen.core.files import write_bytes
    from vr.explanation.occlusion import draw_maps

    maps = [explanation.occlusion for explanation in explained if explanation.occlusion is not None]
    drawn = draw_maps(
        [explanation.pixels for explanation in explained],
        maps,
        [explanation.title for explanation in explained],
    )
    write_bytes(path, drawn)
    typer.echo(f"written: {path}", err=True)
