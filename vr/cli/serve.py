"""`vr serve` on the command line: parse, call, print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vr.cli import options

if TYPE_CHECKING:
    from starlette.applications import Starlette

PAGE = "Page"


def serve(
    run_directory: options.RunDirectory,
    port: Annotated[int, options.option(PAGE, "Port; 0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[
        bool, options.option(PAGE, "Open the page in the browser.", "--browser/--no-browser")
    ] = True,
    grid: Annotated[int, options.option(PAGE, "Cells per side of the occlusion map.", min=3)] = 8,
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.RunPrecision = None,
) -> None:
    """Show predictions of images on a local page.

    A person drops an image and reads prediction, explanation, occlusion map and prediction set. The page is
    on this computer only, and images are not stored.
    """
    from attrgen.core.local_server import serve as serve_app
    from vr.runs import run as runs

    runs.trained_config(run_directory)

    from vr.report.serving.app import make_app

    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)

    def make(secret: str) -> Starlette:
        return make_app(run, secret, grid=grid)

    serve_app(make, port=port, opens=browser, say=typer.echo)
