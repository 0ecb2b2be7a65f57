"""`vr data`: which collections there are, how to get them, whether they are whole, what they look like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attrgen.schema import card as cards
from vr.cli.shared_options import Data, Format

if TYPE_CHECKING:
    from vr.data.formats.source import ImageSource

app = typer.Typer(no_args_is_help=True, help=__doc__)

Dataset = Annotated[str, typer.Argument(help="A card's name or path, or the path of a collection.")]
Classes = Annotated[str, typer.Option("--classes", help="Only these classes, with commas between.")]


@app.command("list")
def list_cards() -> None:
    """Every collection that has a card: what it is, and whether it is here."""
    from attrgen.core import tables
    from vr.data.sources import data_root, is_available

    table = tables.table("name", "here", "classes", "images", "what", "licence", "from")
    table.title, table.title_justify = f"data root: {data_root()}", "left"
    for path in cards.shipped_cards().values():
        card = cards.load(path)
        counts = card.counts
        images = f"{counts.train + counts.val + counts.test:,}" if counts else "?"
        origin = (card.images.download or "by hand") if card.images else "by hand"
        here = "yes" if is_available(card) else "no"
        what = f"{card.title}, {card.modality}"
        tables.add_row(table, card.name, here, len(card.classes), images, what, card.licence, origin)
    tables.show(table)


@app.command()
def get(names: Annotated[list[str], typer.Argument(help="Cards, by name or path.")]) -> None:
    """Download and unpack collections into the data root. Their licences are shown first."""
    from vr.data.download.images import download_images, terms
    from vr.data.sources import data_root, open_source

    chosen = [cards.find(name) for name in names]
    for card in chosen:
        typer.echo("\n".join(terms(card)))
    for card in chosen:
        folder = download_images(card, data_root(), say=typer.echo)
        source = open_source(card, folder)
        typer.echo(f"{card.name}: {_counts(source)} in {folder}")


@app.command()
def check(dataset: Dataset, data: Data = None, format: Format = None, classes: Classes = "") -> None:
    """Compare with the card, read every image, find images in two splits; exit 1 if anything is wrong."""
    from vr.data.inspection.check import check as check_images
    from vr.data.sources import open_dataset
    from vr.runtime.progress import count_bar

    card, source = open_dataset(dataset, data, classes=_split(classes), format=format)
    with count_bar("reading", sum(map(len, source.splits.values()))) as advance:
        report = check_images(source, card, advance)
    for line in source.notes:
        typer.echo(line)
    for split, counts in report.counts.items():
        typer.echo(
            f"{split}: {sum(counts.values())} (" + ", ".join(f"{n} {c}" for n, c in counts.items()) + ")"
        )
    problems = report.problems()
    for line in problems:
        typer.echo(line)
    typer.echo(f"{len(problems)} problems" if problems else "all is well")
    raise typer.Exit(1 if problems else 0)


@app.command("card")
def make_card(
    collection: Annotated[Path, typer.Argument(help="A folder, .zip, .npz, or a .csv or .parquet manifest.")],
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it; else NAME.toml here.")] = None,
) -> None:
    """Write a card for a collection of your own, ready to edit."""
    from attrgen.core.errors import UserError
    from attrgen.core.files import write_text
    from vr.data.formats.infer_card import infer_card, to_toml, with_counts
    from vr.data.sources import open_source

    card = infer_card(collection)
    source = open_source(card, collection)
    path = out or Path(f"{card.name}.toml")
    if path.exists():
        raise UserError("is there already", file=path, remedy="Choose another place with --out.")
    write_text(path, to_toml(with_counts(card, source)))
    for line in source.notes:
        typer.echo(line)
    typer.echo(f"{path}: {len(card.classes)} classes, {_counts(source)}")
    typer.echo("Edit modality, shows and the class names: prompts say them. Then:")
    typer.echo(f"  attrgen build --dataset {path}")
    typer.echo(f"  vr train --dataset {path} --data {collection} --attrs attrs/{card.name}.json")


@app.command()
def preview(
    dataset: Dataset,
    data: Data = None,
    format: Format = None,
    classes: Classes = "",
    shots: Annotated[int, typer.Option("--shots")] = 16,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write it; else NAME-preview.png.")
    ] = None,
) -> None:
    """Draw the few-shot sample by class, and one image as a program frames it."""
    from attrgen.core.files import whole_file
    from vr.data.inspection.contact_sheet import contact_sheet
    from vr.data.sampling import fewshot
    from vr.data.sources import open_dataset

    card, source = open_dataset(dataset, data, classes=_split(classes), format=format)
    for line in source.notes:
        typer.echo(line)
    sheet = contact_sheet(source, fewshot.draw(source, card, shots, seed))
    path = out or Path(f"{card.name}-preview.png")
    with whole_file(path) as temporary:
        sheet.save(temporary, format="PNG")
    typer.echo(f"{path}: {len(card.classes)} classes, {shots} shots, seed {seed}")


def _counts(source: ImageSource) -> str:
    return ", ".join(f"{len(items)} {split}" for split, items in source.splits.items())


def _split(classes: str) -> list[str]:
    return [name.strip() for name in classes.split(",") if name.strip()]
