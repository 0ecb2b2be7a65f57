"""`vr data get`: the images of a card, from where its card says, into the data root."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.download import hub, natural, web
from vr.data.download.unpack import unpack


def terms(card: Card) -> list[str]:
    """What a user reads before the download: licence, source, citation and notes, one line per item."""
    lines = [f"{card.title} ({card.name})", f"  licence: {card.licence}", f"  source: {card.source}"]
    lines += [f"  cite: {card.citation}"] if card.citation else []
    lines += [f"  note: {card.notes}"] if card.notes else []
    return lines


def download_images(
    card: Card, root: Path, *, pause: float = 1.0, say: Callable[[str], None] = lambda line: None
) -> Path:
    """Download and unpack a card's images below `root`, unless they are there.

    An archive `NAME.zip` that is there already is used, not downloaded.

    Args:
        pause: seconds before a failed request is tried again; doubled each time.
        say: called with each line about the progress.

    Returns:
        The folder.

    Raises:
        UserError: the card names no download, the server fails, or the archive is not safe.
    """
    target = root / (card.images.folder if card.images is not None else card.name)
    if card.images is None or card.images.download is None:
        by_hand = f"Put them in {target}, or name their folder with --data."
        raise UserError(
            f"the card '{card.name}' does not say where its images come from",
            code="download-no-address",
            remedy=f"{card.notes or ''} {by_hand}".strip(),
        )
    if target.exists():
        say(f"{card.name}: already in {target}")
        return target
    kind, _, address = card.images.download.partition(":")
    if kind == "torchvision":
        say(f"{card.name}: torchvision downloads {address}")
        natural.download(address, target)
        return target
    archive = target.with_name(f"{target.name}.zip")
    if not archive.exists():
        _download(card.images.download, archive, pause, say)
    say(f"{card.name}: unpacking {archive}")
    unpack(archive, target)
    archive.unlink()
    return target


def _download(address: str, archive: Path, pause: float, say: Callable[[str], None]) -> None:
    from_hub = address.startswith("hub:")
    url = hub.hub_url(address.removeprefix("hub:")) if from_hub else address
    say(f"downloading {url}")
    try:
        (hub if from_hub else web).download(url, archive, pause=pause, say=say)
    except UserError as error:
        by_hand = f"Or download it by hand to {archive}, and run the same command again."
        raise UserError(
            error.what, code=error.code, file=error.file, remedy=f"{error.remedy} {by_hand}".strip()
        ) from error
