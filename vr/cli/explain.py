"""`vr explain` on the command line: parse, call, print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vr.cli import options, values
from vr.cli import options_explain as own

if TYPE_CHECKING:
    from vr.explanation.explanation import Explanation
    from vr.runs.run import Run


def explain(
    run_directory: options.RunDirectory,
    images: own.Images,
    details: own.Details = False,
    classes: own.Classes = 3,
    top: own.Top = None,
    grid: own.Grid = 8,
    map_: own.Map = None,
    html: own.Html = None,
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
    from vr.data.loading.unlabelled import check_paths
    from vr.runs import run as runs

    if not force:
        values.check_free(map_, html, remedy="Choose another path, or overwrite it with --force.")
    check_paths(images)
    runs.trained_config(run_directory)

    from vr.explanation import explanation, table

    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)
    explained = _explained(run, images, grid if map_ or html else None)
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


def _explained(run: Run, images: Sequence[Path], grid: int | None) -> list[Explanation]:
    from vr.data.loading.unlabelled import image_paths
    from vr.evaluation import calibration as calibrations
    from vr.explanation.explanation import explain_images
    from vr.runtime.progress import count_bar

    calibration = calibrations.load(run.path)
    paths = list(image_paths(images))
    with count_bar("images", len(paths)) as advance:
        return explain_images(run, paths, grid=grid, calibration=calibration, progress=advance)


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
