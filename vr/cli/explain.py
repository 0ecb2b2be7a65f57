"""`vr explain` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options
from vr.cli.shared_options import Device, RunBackbone, RunDirectory, RunPrecision, Weights


def explain(
    run_directory: RunDirectory,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of them.")
    ],
    classes: Annotated[int, typer.Option(min=1, help="Show so many classes, the likeliest first.")] = 3,
    top: Annotated[
        int | None, typer.Option(min=1, help="Show so many texts of each bank.  [default: all that count]")
    ] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", help="Draw where the predicted class looks: FILE.png.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write it all, with the map, as one page.")
    ] = None,
    grid: Annotated[int, typer.Option(help="Cells a side of the map.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    backbone: RunBackbone = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: RunPrecision = None,
) -> None:
    """Say why: each class's score as the sum of what experts, banks and single texts gave."""
    import json

    from attrgen.core.files import whole_file, write_text
    from vr.data.loading.unlabelled import image_paths
    from vr.explanation import explanation, table
    from vr.runs import run as runs
    from vr.runtime.progress import count_bar

    if not force:
        options.check_free(map_, html, remedy="Choose another place, or replace it with --force.")
    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)
    paths = list(image_paths(images))
    with count_bar("images", len(paths)) as advance:
        found = explanation.explain_images(run, paths, grid=grid if map_ or html else None, progress=advance)
    if as_json:
        typer.echo(json.dumps(explanation.as_json(run, found), indent=2, ensure_ascii=False))
    else:
        table.show(found, classes=classes, top=top)
    if map_:
        from vr.explanation.occlusion import draw_maps

        picture = draw_maps(
            [each.pixels for each in found],
            [each.occlusion for each in found if each.occlusion is not None],
            [each.title for each in found],
        )
        with whole_file(map_) as temporary:
            temporary.write_bytes(picture)
        typer.echo(f"written: {map_}", err=True)
    if html:
        from vr.report.explanation_page import page

        write_text(html, page(run, found, classes=classes, top=top))
        typer.echo(f"written: {html}", err=True)
