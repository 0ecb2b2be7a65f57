"""`vr data get`: the images of a card, from wherever its card says, into the data root."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.download import download, torchvision_data
from vr.data.download.unpack import unpack

Progress = Callable[[int, int | None], None]


def terms(card: Card) -> list[str]:
    """What a user should have read before downloading: licence, source, citation and notes, a line each."""
    lines = [f"{card.title} ({card.name})", f"  licence: {card.licence}", f"  source: {card.source}"]
    lines += [f"  cite: {card.citation}"] if card.citation else []
    lines += [f"  note: {card.notes}"] if card.notes else []
    return lines


def get(
    card: Card,
    root: Path,
    *,
    pause: float = 1.0,
    say: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda there, whole: None,
) -> Path:
    """Download and unpack a card's images below `root`, unless they are there.

    Args:
        pause: seconds before a failed request is tried again; doubled each time.
        say: told what is being done, a line each.
        progress: called with the bytes that are there and the bytes there will be.

    Returns:
        The folder.

    Raises:
        UserError: the card names no download, the server fails, or the archive is not safe.
    """
    if card.images is None or card.images.download is None:
        by_hand = f"Put them in {root / _folder(card)}, or name their folder with --data."
        raise UserError(
            f"the card '{card.name}' does not say where its images come from",
            remedy=f"{card.notes or ''} {by_hand}".strip(),
        )
    target = root / _folder(card)
    if target.exists():
        say(f"{card.name}: already in {target}")
        return target
    kind, _, place = card.images.download.partition(":")
    if kind == "torchvision":
        say(f"{card.name}: torchvision gets {place}")
        torchvision_data.fetch(place, target)
        return target
    archive = target.with_name(f"{target.name}.zip")
    if not archive.exists():
        url = download.hub_url(place) if kind == "hub" else card.images.download
        _download(url, archive, pause, say, progress)
    say(f"{card.name}: unpacking {archive}")
    unpack(archive, target)
    archive.unlink()
    return target


def _download(url: str, archive: Path, pause: float, say: Callable[[str], None], progress: Progress) -> None:
    say(f"getting {url}")
    try:
        remote = download.look(url, pause=pause)
        download.fetch(remote, archive, pause=pause, progress=lambda there: progress(there, remote.size))
    except UserError as error:
        by_hand = f"Or download it by hand to {archive}: it is used from there."
        raise UserError(error.what, file=error.file, remedy=f"{error.remedy} {by_hand}".strip()) from error


def _folder(card: Card) -> str:
    return card.images.folder if card.images is not None else card.name
