"""`vr data` on the command line: list, download, check and preview collections, and write cards for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attrgen.core.shell import command
from attrgen.schema.image_names import COLLECTION_SUFFIXES
from vr.cli import options, values

if TYPE_CHECKING:
    from vr.data.formats.source import ImageSource


def list_cards() -> None:
    """List the collections that have a card.

    Also shows whether the images are here: under $VR_DATA, else under datasets/.
    """
    from attrgen.core import tables
    from attrgen.core.streams import printable
    from attrgen.schema import card as cards
    from vr.data.sources import data_root, is_available

    table = tables.table("name", "here", "classes", "images", "what", "licence", "from")
    table.title, table.title_justify = printable(f"data root: {data_root()}"), "left"
    for path in cards.shipped_cards().values():
        card = cards.load(path)
        counts = card.counts
        images = f"{counts.train + counts.val + counts.test:,}" if counts else "?"
        origin = (card.images.download or "by hand") if card.images else "by hand"
        here = "yes" if is_available(card) else "no"
        what = f"{card.title}, {card.modality}"
        tables.add_row(table, card.name, here, len(card.classes), images, what, card.licence, origin)
    tables.show(table)


def get(
    names: Annotated[list[str], typer.Argument(metavar="DATASET...", help="Cards, by name or path.")],
) -> None:
    """Download and unpack collections.

    They go under $VR_DATA, else under datasets/. Their licences are shown first.
    """
    from attrgen.schema import card as cards
    from vr.data.download.images import download_images, terms
    from vr.data.sources import data_root, open_source

    chosen = [cards.find(name) for name in names]
    for card in chosen:
        typer.echo("\n".join(terms(card)))
    for card in chosen:
        folder = download_images(card, data_root(), say=typer.echo)
        source = open_source(card, folder)
        typer.echo(f"{card.name}: {_counts(source)} in {folder}")


def check(
    dataset: options.DatasetArgument,
    data: options.Data = None,
    data_format: options.Format = None,
    classes: options.Classes = "",
    near_duplicates: Annotated[
        bool,
        options.option(
            options.BACKBONE,
            "Also look for images of two splits that a frozen model hardly tells apart.",
            "--near-duplicates",
        ),
    ] = False,
    backbone: options.Backbone = "mini",
    threshold: Annotated[
        float,
        options.option(options.BACKBONE, "Least cosine of two near-duplicates.", "--threshold", min=0, max=1),
    ] = 0.97,
    out: Annotated[
        Path | None,
        options.option(options.OUTPUT, "PNG of the pairs.", "--out", default="NAME-near-duplicates.png"),
    ] = None,
) -> None:
    """Check a collection against its card.

    Counts classes and splits, reads every image, finds images and patients in two splits, lists what was left
    out or guessed, and suspects folders that are no classes. Exit status 1 on problems.
    """
    from vr.data.formats.groups import unknown_groups_note
    from vr.data.inspection.check import check as check_images
    from vr.data.sources import open_dataset
    from vr.runtime.progress import count_bar

    card, source = open_dataset(dataset, data, classes=values.names(classes), format=data_format)
    with count_bar("reading", sum(map(len, source.splits.values()))) as advance:
        report = check_images(source, card, advance)
    for line in (*source.notes, unknown_groups_note(source.splits, card)):
        if line is not None:
            typer.echo(line)
    _show_counts(report.counts)
    problems = report.problems()
    remarks = list(report.remarks)
    if near_duplicates:
        sheet = out or Path(f"{card.name}-near-duplicates.png")
        remarks += _near_duplicates(source, report.content, backbone, threshold, sheet)
    for line in (*remarks, *problems):
        typer.echo(line)
    typer.echo(_verdict(len(problems), len(remarks)))
    raise typer.Exit(1 if problems else 0)


def _show_counts(counts: Mapping[str, Mapping[str, int]]) -> None:
    for split, of_split in counts.items():
        per_class = ", ".join(f"{name} {count}" for name, count in of_split.items())
        typer.echo(f"{split}: {sum(of_split.values())} ({per_class})")


def _near_duplicates(
    source: ImageSource, content: Mapping[str, str], backbone: str, threshold: float, sheet: Path
) -> list[str]:
    """Find near-duplicates and draw them; a sentence on them if there are any."""
    from attrgen.core.files import whole_file
    from vr.clip import backbone as backbones
    from vr.data.inspection.near_duplicates import near_duplicates
    from vr.data.inspection.pair_sheet import MOST_PAIRS, pair_sheet
    from vr.runtime.progress import count_bar

    loaded = backbones.load(backbone)
    with count_bar("encoding", sum(map(len, source.splits.values()))) as advance:
        pairs = near_duplicates(source, loaded, threshold, content=content, progress=advance)
    if not pairs:
        typer.echo(f"no near-duplicates in two splits: no cosine of {loaded.name} reaches {threshold:g}")
        return []
    with whole_file(sheet) as temporary:
        pair_sheet(source, pairs).save(temporary, format="PNG")
    shown = f"the nearest {MOST_PAIRS} are" if len(pairs) > MOST_PAIRS else "all are"
    return [
        f"{len(pairs)} pairs of images in two splits may be near-duplicates (cosine of {loaded.name} from "
        f"{threshold:g}); {shown} drawn in {sheet}."
    ]


def _verdict(problems: int, remarks: int) -> str:
    if problems:
        return "1 problem" if problems == 1 else f"{problems} problems"
    if remarks:
        return "see above what was left out or guessed; nothing else is wrong"
    return "no problems found"


def make_card(
    collection: Annotated[
        Path,
        typer.Argument(
            metavar="COLLECTION", help=f"A folder, or a file that ends with {', '.join(COLLECTION_SUFFIXES)}."
        ),
    ],
    out: Annotated[
        Path | None, options.option(options.OUTPUT, "The card.", "--out", default="NAME.toml")
    ] = None,
    data_format: options.Format = None,
) -> None:
    """Write a card for your own collection, ready to edit."""
    from attrgen.core.files import write_text
    from vr.data.formats.groups import unknown_groups_note
    from vr.data.infer_card import to_toml, with_counts
    from vr.data.inspection import structure
    from vr.data.sources import open_collection

    card, source = open_collection(collection, format=data_format)
    path = out or Path(f"{card.name}.toml")
    values.check_free(path, remedy="Choose another path with --out.")
    write_text(path, to_toml(with_counts(card, source)))
    unknown = unknown_groups_note(source.splits, card)
    for line in (*source.notes, *source.remarks, *structure.offers(source, card), *filter(None, [unknown])):
        typer.echo(line)
    for line in structure.suspicions(source, card):
        typer.echo(f"warning: {line}")
    typer.echo(f"{path}: {len(card.classes)} classes, {_counts(source)}")
    typer.echo("Edit modality, shows and the class names: prompts use them. Then:")
    # A line of its own, without the backticks that a shell would take for a substitution.
    typer.echo("  " + command("attrgen", "build", "--dataset", path).strip("`"))
    attrs = Path("attrs", f"{card.name}.json")
    train = command("vr", "train", "--dataset", path, "--data", collection, "--attrs", attrs)
    typer.echo("  " + train.strip("`"))


def preview(
    dataset: options.DatasetArgument,
    data: options.Data = None,
    data_format: options.Format = None,
    classes: options.Classes = "",
    shots: options.Shots = 16,
    seed: options.Seed = 1,
    out: Annotated[
        Path | None, options.option(options.OUTPUT, "The PNG file.", "--out", default="NAME-preview.png")
    ] = None,
) -> None:
    """Draw the few-shot sample as one image.

    It shows the sample by class, and one image inside a program's frame.
    """
    from attrgen.core.files import whole_file
    from vr.data.inspection.contact_sheet import contact_sheet
    from vr.data.sampling import fewshot
    from vr.data.sources import open_dataset

    card, source = open_dataset(dataset, data, classes=values.names(classes), format=data_format)
    for line in source.notes:
        typer.echo(line)
    sheet = contact_sheet(source, fewshot.draw(source, card, shots, seed))
    path = out or Path(f"{card.name}-preview.png")
    with whole_file(path) as temporary:
        sheet.save(temporary, format="PNG")
    typer.echo(f"{path}: {len(card.classes)} classes, {shots} shots, seed {seed}")


def _counts(source: ImageSource) -> str:
    return ", ".join(f"{len(items)} {split}" for split, items in source.splits.items())
