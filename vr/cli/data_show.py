"""`vr data show` on the command line: what a model sees of files, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vr.cli import options, values

if TYPE_CHECKING:
    from vr.clip.preprocessing import Preprocessing
    from vr.data.loading.unlabelled import UnlabelledFiles

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Images, or folders of images.")]
Out = Annotated[Path, options.option(options.OUTPUT, "Folder for the PNG files.", "--out")]
Dataset = Annotated[
    str | None,
    options.option(
        options.IMAGES,
        "Show the files as images of this collection: a card's name or path, or the collection's path. "
        "It gives the window and the intensity scale.",
        "--dataset",
        "--card",
        default="one intensity scale for the files",
    ),
]
Backbone = Annotated[
    str | None,
    options.option(
        options.BACKBONE,
        "Also apply the preprocessing of this model; names as for `vr train`.",
        "--backbone",
        default="none: the decoded image",
    ),
]


def show(
    files: Files,
    out: Out = Path("shown"),
    dataset: Dataset = None,
    data: options.Data = None,
    backbone: Backbone = None,
    weights: options.Weights = None,
    force: options.Force = False,
) -> None:
    """Write PNG files of what a model sees, and explain them.

    Prints the rules that were applied to each file: rescale, window, palette, rotation, resize and others.

    Exit status: 0 all images were read, 1 some could not be read (they are listed), 2 the call was wrong.
    """
    from attrgen.core.errors import UserError
    from vr.data.inspection import show as showing
    from vr.data.loading.unlabelled import check_paths, image_paths, require_images

    _check(dataset, data, backbone, weights)
    check_paths(files)
    images = list(require_images(image_paths(files)))
    targets = showing.targets(images, out)
    if not force:
        values.check_free(*(target.png for target in targets), remedy="Choose another --out, or use --force.")
    source = _source(dataset, data, images)
    preprocessing = None if backbone is None else _preprocessing(backbone, weights)
    errors = []
    for target in targets:
        try:
            seen = showing.show(target, source, preprocessing)
        except UserError as error:
            errors.append(error)
            continue
        typer.echo(f"{target.file}: {target.png}, {seen.image.width} by {seen.image.height} pixels")
        for rule in seen.rules:
            typer.echo(f"  {rule}")
    for unreadable in errors:
        typer.echo(f"unreadable: {unreadable}", err=True)
    raise typer.Exit(1 if errors else 0)


def _check(dataset: str | None, data: Path | None, backbone: str | None, weights: str | None) -> None:
    from attrgen.core.errors import UserError

    for option, value, needed, other in (
        ("--data", data, "--dataset", dataset),
        ("--weights", weights, "--backbone", backbone),
    ):
        if value is not None and other is None:
            raise UserError(
                f"{option} {value} is of no use without {needed}",
                code="option-needs-another",
                remedy=f"Add {needed}, or leave out {option}.",
            )


def _source(dataset: str | None, data: Path | None, images: list[str]) -> UnlabelledFiles:
    """The files, shown as images of a collection; without one, they are the collection."""
    from dataclasses import replace

    from attrgen.schema import card as cards
    from vr.data import sources
    from vr.data.infer_card import is_collection
    from vr.data.intensity import common_scale
    from vr.data.loading.unlabelled import UnlabelledFiles

    if dataset is not None:
        if data is not None or is_collection(dataset):
            card, collection = sources.open_dataset(dataset, data)
            for note in collection.notes:
                typer.echo(note)
        else:
            card = cards.find(dataset)
        files = UnlabelledFiles.of(card)
        if files.intensity is not None:
            return files
    else:
        files = UnlabelledFiles()
    scale, note = common_scale(files, images)
    if note:
        typer.echo(note)
    return replace(files, intensity=scale)


def _preprocessing(backbone: str, weights: str | None) -> Preprocessing:
    from vr.clip import backbone as backbones

    return backbones.load(backbone, weights).preprocessing
