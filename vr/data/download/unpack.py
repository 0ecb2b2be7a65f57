"""Unpacking a zip that may be hostile: nothing outside of the target, no links, no archive bombs."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from attrgen.core.decoding import reason_of
from attrgen.core.errors import UserError
from vr.data.formats.file_tree import is_inside

MAX_ENTRIES = 2_000_000
MAX_BYTES = 500 * 2**30
MAX_RATIO = 200  # images hardly compress; an archive bomb compresses a thousandfold
_RATIO_FREE_BYTES = 2**26  # small archives may have any ratio
_BLOCK = 2**20


def unpack(archive: Path, target: Path, *, progress: Callable[[int], None] = lambda size: None) -> None:
    """Unpack a zip into the folder `target`, which must not exist yet.

    Everything is written to a temporary folder beside it, which is renamed at the end.

    Args:
        progress: called with the number of bytes written.

    Raises:
        UserError: `target` exists; not a zip, damaged or encrypted; an entry leads outside of the target or
            is a link; it would unpack to more than an image collection can be, or than the disk holds.
    """
    if target.exists():
        raise UserError(
            "exists already",
            code="unpack-target-exists",
            file=target,
            remedy="Move it away first; nothing was changed.",
        )
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check(entries, archive, target)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
                below = Path(temporary) / target.name
                below.mkdir()
                for entry in entries:
                    _write(opened, entry, below, progress)
                below.rename(target)
    except UserError:
        raise
    except Exception as error:  # each kind of compression raises its own
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(
                f"cannot be unpacked: {reason_of(error)}",
                code="unpack-cannot-write",
                file=archive,
                remedy="Nothing was changed. Free space or set VR_DATA to another disk, then run it again.",
            ) from error
        raise UserError(
            f"the archive is damaged or not a zip ({reason_of(error)})",
            code="unpack-damaged",
            file=archive,
            remedy="Delete it and download it again; nothing was unpacked.",
        ) from error


def _check(entries: list[zipfile.ZipInfo], archive: Path, target: Path) -> None:
    def refuse(what: str) -> UserError:
        return UserError(
            what,
            code="unpack-unsafe",
            file=archive,
            remedy="It was not unpacked. Download it from a source that you trust.",
        )

    if len(entries) > MAX_ENTRIES:
        raise refuse(f"holds {len(entries):,} entries, more than any collection")
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        if not is_inside(name):
            raise refuse(f"holds '{name}', which leads outside of the folder")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refuse(f"holds '{name}', which is a link or a device, not a file")
        if entry.flag_bits & 0x1:
            raise refuse(f"is encrypted ('{name}')")
        if _portable(name).casefold() in seen:
            raise refuse(f"holds '{name}' twice")
        seen.add(_portable(name).casefold())
    size = sum(entry.file_size for entry in entries)
    packed = archive.stat().st_size
    if size > MAX_BYTES or (size > _RATIO_FREE_BYTES and size > MAX_RATIO * packed):
        raise refuse(f"would unpack from {size_text(packed)} to {size_text(size)}, as archive bombs do")
    free = shutil.disk_usage(_nearest_existing(target.parent)).free
    if size > free:
        raise UserError(
            f"needs {size_text(size)} and {size_text(free)} are free",
            code="unpack-disk-full",
            file=target,
            remedy="Free space, or set VR_DATA to another disk.",
        )


def _write(
    opened: zipfile.ZipFile, entry: zipfile.ZipInfo, below: Path, progress: Callable[[int], None]
) -> None:
    name = _portable(entry.filename)
    path = below / name
    if name.endswith("/"):
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # zipfile reads at most the size that was checked, and compares the checksum.
    with opened.open(entry) as packed, path.open("xb") as file:
        while block := packed.read(_BLOCK):
            file.write(block)
            progress(len(block))


def _portable(name: str) -> str:
    """The name with slashes; some programs on Windows write backslashes into archives."""
    return name.replace("\\", "/")


def size_text(size: int) -> str:
    """A number of bytes in a readable unit: 1.4 GB."""
    value, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"


def _nearest_existing(path: Path) -> Path:
    return next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
