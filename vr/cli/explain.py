"""`vr explain` on the command line: parse, call, print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from vr.cli import options, values
from vr.cli import options_explain as own

if TYPE_CHECKING:
    from attrgen.core.errors import UserError
    from vr.data.formats.source import ImageSource, Item
    from vr.explanation.explanation import Explanation
    from vr.explanation.named_images import NamedImages
    from vr.runs.run import Run


def explain(
    run_directory: options.RunDirectory,
    images: own.Images,
    data: options.RunData = None,
    data_format: options.Format = None,
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

    Exit status: 0 all images were read, 1 some could not be read (they are listed), 2 the call was wrong.
    """
    from vr.data.formats.left_out import LeftOut
    from vr.explanation.named_images import named_images
    from vr.runs import run as runs

    if not force:
        values.check_free(map_, html, remedy="Choose another path, or overwrite it with --force.")
    left_out = LeftOut()
    config = runs.trained_config(run_directory)
    source, items = named_images(config, images, data, data_format, left_out)

    run = runs.load_run(run_directory, backbone=backbone, weights=weights, device=device, precision=precision)
    unreadable: list[UserError] = []
    explained = _explained(run, source, items, grid if map_ or html else None, unreadable.append)
    if as_json:
        _print_json(run, explained)
    else:
        _print(explained, details=details, classes=classes, top=top)
    if map_ and explained:
        _write_map(map_, explained)
    if html and explained:
        _write_page(html, run, explained, classes=classes, top=top)
    _end((*left_out.sentences(), *_notes(source)), unreadable)


def _notes(source: NamedImages) -> list[str]:
    return [f"note: {note}" for note in source.files.own_scale.sentences()]


def _end(lines: Sequence[str], unreadable: Sequence[UserError]) -> NoReturn:
    """Print what was left out or cannot be read, and leave with the status that says so."""
    from vr.inference.outcome import error_lines

    for line in (*lines, *error_lines(unreadable)):
        typer.echo(line, err=True)
    raise typer.Exit(1 if unreadable else 0)


def _print_json(run: Run, explained: Sequence[Explanation]) -> None:
    import json

    from vr.explanation import explanation

    typer.echo(json.dumps(explanation.as_json(run, explained), indent=2, ensure_ascii=False))


def _print(explained: Sequence[Explanation], *, details: bool, classes: int, top: int | None) -> None:
    from vr.explanation import table

    if details:
        table.show_details(explained, classes=classes, top=top)
    else:
        table.show(explained)


def _write_page(
    path: Path, run: Run, explained: Sequence[Explanation], *, classes: int, top: int | None
) -> None:
    from attrgen.core.files import write_text
    from vr.report.explanation_page import page

    write_text(path, page(run, explained, classes=classes, top=top))
    typer.echo(f"written: {path}", err=True)


def _explained(
    run: Run,
    source: ImageSource,
    items: Sequence[Item],
    grid: int | None,
    on_error: Callable[[UserError], None],
) -> list[Explanation]:
    from vr.evaluation import calibration as calibrations
    from vr.evaluation import operating_point
    from vr.explanation.explanation import explain_items
    from vr.runtime.progress import count_bar

    calibration, point = calibrations.load(run.path), operating_point.load(run.path)
    with count_bar("images", len(items)) as advance:
        return explain_items(
            run,
            source,
            items,
            grid=grid,
            calibration=calibration,
            point=point,
            on_error=on_error,
            progress=advance,
        )


def _write_map(path: Path, explained: Sequence[Explanation]) -> None:
    from attrgen.core.files import write_bytes
    from vr.explanation.explanation import short_names
    from vr.explanation.occlusion import draw_maps

    maps = [explanation.occlusion for explanation in explained if explanation.occlusion is not None]
    names = short_names([explanation.image for explanation in explained])
    drawn = draw_maps(
        [explanation.pixels for explanation in explained],
        maps,
        [f"{name}: {explanation.answer}" for name, explanation in zip(names, explained, strict=True)],
    )
    write_bytes(path, drawn)
    typer.echo(f"written: {path}", err=True)
