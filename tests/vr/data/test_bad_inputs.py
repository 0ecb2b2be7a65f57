"""Bad collections and bad images, each with its message, and nothing of the user's changed."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.decoding.pixels import decode
from vr.data.sources import open_source

FOLDERS = ("bright_spot", "dark_ring")


def image(form: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    stream = io.BytesIO()
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).save(stream, format=form)
    return stream.getvalue()


def vast_png(side: int = 65_000) -> bytes:
    """A valid header of side by side pixels: 65,000 squared is 4.2 billion."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def folders(root: Path, *names: str, content: bytes | None = None) -> Path:
    for name in names or FOLDERS:
        for number in range(2):
            path = root / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image() if content is None else content)
    return root


def split_file(root: Path, value: object) -> Path:
    folders(root / "Toy")
    (root / "split_Toy.json").write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return root


def rows(*more: list[object]) -> dict[str, list[list[object]]]:
    return {
        "train": [["bright_spot/0.png", 0, "spot"], ["dark_ring/0.png", 1, "ring"], *more],
        "val": [],
        "test": [["bright_spot/1.png", 0, "spot"], ["dark_ring/1.png", 1, "ring"]],
    }


def npz(root: Path, **arrays: object) -> Path:
    whole: dict[str, object] = {
        "train_images": np.zeros((4, 5, 5), np.uint8),
        "train_labels": np.array([0, 1, 0, 1]),
        **arrays,
    }
    np.savez(root / "a.npz", **{name: value for name, value in whole.items() if value is not None})  # type: ignore[arg-type]
    return root / "a.npz"


def lying_npz(root: Path) -> Path:
    """An array whose header says more than its data."""
    path = npz(root)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["train_images.npy"] = content["train_images.npy"].replace(b"(4, 5, 5)", b"(9, 9, 9)")
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    return path


def table(root: Path, text: str | bytes, name: str = "t.csv") -> Path:
    folders(root)
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def zipped(root: Path, *names: str, damage: bool = False) -> Path:
    path = root / "toy.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, image())
    if damage:
        content = bytearray(path.read_bytes())
        content[60] ^= 0xFF
        path.write_bytes(content)
    return path


def two_split_files(root: Path) -> Path:
    split_file(root, rows()).joinpath("split_Toy.json").rename(root / "split_A.json")
    return written(root / "split_B.json", b"{}").parent


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


Case = tuple[str, Callable[[Path], Path], str]
COLLECTIONS: list[Case] = [
    ("no such path", lambda p: p / "none", "data-missing"),
    ("another kind of file", lambda p: written(p / "a.txt", b"x"), "data-unknown-format"),
    ("empty folder", lambda p: p, "data-no-images"),
    (
        "folder without images",
        lambda p: written(p / "a.txt", b"x").parent,
        "data-no-images",
    ),
    (
        "unknown class folder",
        lambda p: folders(p, *FOLDERS, "brigth"),
        "data-folder-without-class",
    ),
    (
        "class without images",
        lambda p: folders(p, "dark_ring", "x/dark_ring").parent / p.name,
        "data-folder-without-class",
    ),
    (
        "class missing",
        lambda p: folders(p / "train", "dark_ring").parent,
        "data-class-without-images",
    ),
    (
        "image in no class folder",
        lambda p: written(folders(p) / "a.png", image()).parent,
        "data-image-without-class",
    ),
    ("split file is not JSON", lambda p: split_file(p, b'{"train": [,]}'), "coop-not-json"),
    ("split file is not UTF-8", lambda p: split_file(p, b'{"train": "\xff"}'), "coop-not-json"),
    ("split file is a list", lambda p: split_file(p, []), "coop-wrong-keys"),
    (
        "split file without train",
        lambda p: split_file(p, {"test": []}),
        "coop-wrong-keys",
    ),
    ("split that is no list", lambda p: split_file(p, {"train": 3}), "coop-bad-row"),
    (
        "row that is none",
        lambda p: split_file(p, rows(["a.png", "spot"])),
        "coop-bad-row",
    ),
    (
        "row with ../",
        lambda p: split_file(p, rows(["../../etc/passwd", 0, "spot"])),
        "coop-bad-row",
    ),
    (
        "row with an absolute path",
        lambda p: split_file(p, rows(["/etc/passwd", 0, "spot"])),
        "coop-bad-row",
    ),
    ("row with a drive", lambda p: split_file(p, rows(["C:\\a.png", 0, "spot"])), "coop-bad-row"),
    (
        "unknown class in a row",
        lambda p: split_file(p, rows(["dark_ring/2.png", 1, "dark rings"])),
        "coop-images-missing",
    ),
    (
        "misspelled class",
        lambda p: split_file(p, {"train": [["dark_ring/0.png", 1, "dark rng"]]}),
        "card-unknown-class",
    ),
    (
        "image not there",
        lambda p: split_file(p, rows(["dark_ring/9.png", 1, "ring"])),
        "coop-images-missing",
    ),
    (
        "no image there at all",
        lambda p: split_file(p, {"train": [["x/9.png", 1, "ring"]]}),
        "coop-images-missing",
    ),
    (
        "image listed twice",
        lambda p: split_file(p, rows(["dark_ring/1.png", 1, "ring"])),
        "data-image-listed-twice",
    ),
    ("empty split file", lambda p: split_file(p, {"train": []}), "coop-no-images"),
    ("several split files", two_split_files, "coop-several-split-files"),
    (
        "pickled array",
        lambda p: npz(p, train_images=np.array([{}, {}, {}, {}], dtype=object)),
        "npz-pickled",
    ),
    ("array file that is none", lambda p: written(p / "a.npz", b"x"), "npz-unreadable"),
    ("array file without images", lambda p: npz(p, train_images=None), "npz-no-images"),
    ("fewer labels than images", lambda p: npz(p, train_labels=np.array([0, 1])), "npz-damaged"),
    (
        "several labels per image",
        lambda p: npz(p, train_labels=np.zeros((4, 3), int)),
        "npz-several-labels",
    ),
    ("volumes", lambda p: npz(p, train_images=np.zeros((4, 5, 5, 5), np.uint8)), "npz-image-shape"),
    ("float images", lambda p: npz(p, train_images=np.zeros((4, 5, 5))), "npz-image-type"),
    ("float labels", lambda p: npz(p, train_labels=np.zeros(4)), "npz-label-type"),
    (
        "label out of range",
        lambda p: npz(p, train_labels=np.array([0, 1, 2, 1])),
        "label-out-of-range",
    ),
    (
        "unknown class in an array",
        lambda p: npz(p, train_labels=np.array(["spot", "ring", "x", "ring"])),
        "card-unknown-class",
    ),
    ("array shorter than its header", lying_npz, "npz-damaged"),
    (
        "table without columns",
        lambda p: written(folders(p) / "t.csv", b"who,when\na.png,x\n"),
        "manifest-columns",
    ),
    (
        "table with a missing image",
        lambda p: table(p, "path,label\ndark_ring/9.png,ring\n"),
        "manifest-image-missing",
    ),
    (
        "table with ../",
        lambda p: table(p, "path,label\n../a.png,ring\n"),
        "manifest-path-outside",
    ),
    (
        "table with an unknown class",
        lambda p: table(p, "path,label\ndark_ring/0.png,rng\n"),
        "card-unknown-class",
    ),
    (
        "table with an unknown split",
        lambda p: table(p, "path,label,split\ndark_ring/0.png,ring,dev\n"),
        "manifest-unknown-split",
    ),
    (
        "table without a path in a row",
        lambda p: table(p, "path,label\n,ring\n"),
        "manifest-bad-row",
    ),
    (
        "table without any label",
        lambda p: table(p, "path,label\ndark_ring/0.png,\ndark_ring/1.png,NaN\n"),
        "manifest-no-labels",
    ),
    (
        "table with a short row",
        lambda p: table(p, "path,label\ndark_ring/0.png\n"),
        "manifest-bad-row",
    ),
    ("table that is not UTF-8", lambda p: table(p, b"path,label\n\xff,ring\n"), "manifest-not-utf8"),
    ("Parquet that is none", lambda p: table(p, b"x", "t.parquet"), "manifest-not-parquet"),
    (
        "several tables",
        lambda p: table(table(p, "path,label\n"), "path,label\n", "u.csv"),
        "manifest-several",
    ),
    (
        "zip with ../",
        lambda p: zipped(p, "dark_ring/a.png", "../evil.png"),
        "zip-unsafe",
    ),
    ("zip with a backslash", lambda p: zipped(p, "dark_ring/a.png", "..\\evil.png"), "zip-unsafe"),
    ("zip with an absolute path", lambda p: zipped(p, "/etc/a.png"), "zip-unsafe"),
    ("zip that is none", lambda p: written(p / "a.zip", b"PK\x03\x04rubbish"), "zip-unreadable"),
    (
        "zip without images",
        lambda p: zipped(p, "a/readme.txt", "b/readme.txt"),
        "data-no-images",
    ),
]
IMAGES: list[tuple[str, bytes, str]] = [
    ("empty file", b"", "image-empty"),
    ("text", b"I am no image", "image-unknown-format"),
    ("cut PNG", image()[:-40], "image-damaged"),
    ("cut JPEG", image("JPEG", (64, 64))[:-400], "image-damaged"),
    ("cut TIFF", image("TIFF", (64, 64))[:2000], "image-damaged"),
    ("damaged PNG", image()[:60] + b"\0\0\0\0" + image()[64:], "image-damaged"),
    ("65,000 by 65,000 pixels", vast_png(), "image-too-large"),
    ("12,000 by 12,000 pixels", vast_png(12_000), "image-too-large"),
    ("header only", vast_png(16)[:30], "image-unknown-format"),
]


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("name", "make", "code"), COLLECTIONS, ids=[case[0] for case in COLLECTIONS])
def test_a_bad_collection(
    name: str, make: Callable[[Path], Path], code: str, tmp_path: Path, card: Card
) -> None:
    path = make(tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(UserError) as caught:
        open_source(card, path)
    assert caught.value.code == code
    if name.startswith("table with a"):
        assert caught.value.line == 2
    assert str(tmp_path) in str(caught.value)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(("name", "content", "code"), IMAGES, ids=[case[0] for case in IMAGES])
def test_a_bad_image(name: str, content: bytes, code: str, tmp_path: Path, card: Card) -> None:
    bad = folders(tmp_path) / "dark_ring" / "bad.png"
    bad.write_bytes(content)
    before = snapshot(tmp_path)
    source = open_source(card, tmp_path)
    with pytest.raises(UserError) as caught:
        source.read("dark_ring/bad.png")
    assert (caught.value.code, caught.value.file) == (code, str(bad))
    assert snapshot(tmp_path) == before


def test_an_image_that_was_deleted(tmp_path: Path, card: Card) -> None:
    source = open_source(card, folders(tmp_path))
    (tmp_path / "dark_ring" / "0.png").unlink()
    with pytest.raises(UserError) as caught:
        source.read("dark_ring/0.png")
    assert caught.value.code == "data-unreadable-file"
    assert caught.value.file == str(tmp_path / "dark_ring" / "0.png")


def test_a_damaged_entry_of_a_zip(tmp_path: Path, card: Card) -> None:
    names = [f"{folder}/{number}.png" for folder in FOLDERS for number in range(2)]
    path = zipped(tmp_path, *names, damage=True)
    source = open_source(card, path)
    with pytest.raises(UserError) as caught:
        source.read("bright_spot/0.png")
    assert caught.value.code == "data-unreadable-file"
    assert caught.value.file == f"{path}/bright_spot/0.png"


def test_a_damaged_compressed_entry_of_a_zip(tmp_path: Path, card: Card) -> None:
    path = tmp_path / "toy.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in FOLDERS:
            for number in range(2):
                archive.writestr(f"{folder}/{number}.png", b"x" * 5000)
    content = bytearray(path.read_bytes())
    start = content.index(b"bright_spot/0.png") + len("bright_spot/0.png")
    content[start : start + 4] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        open_source(card, path).read("bright_spot/0.png")
    assert caught.value.code == "data-unreadable-file"


def test_an_unknown_format(tmp_path: Path, card: Card) -> None:
    folders(tmp_path)
    assert card.images is not None
    other = card.model_copy(update={"images": card.images.model_copy(update={"layout": "tar"})})
    for asked, format in ((card, "tar"), (other, None)):
        with pytest.raises(UserError) as caught:
            open_source(asked, tmp_path, format=format)
        assert caught.value.code == "format-unknown"
        assert "coop, dicom, folder, manifest, npz" in caught.value.remedy


@pytest.mark.parametrize(
    ("form", "code"),
    [("npz", "npz-missing"), ("coop", "coop-no-split-file"), ("manifest", "manifest-missing")],
)
def test_a_format_that_it_is_not(form: str, code: str, tmp_path: Path, card: Card) -> None:
    with pytest.raises(UserError) as caught:
        open_source(card, folders(tmp_path), format=form)
    assert caught.value.code == code


def test_a_subset_of_one_or_of_unknown_classes(card: Card) -> None:
    with pytest.raises(UserError) as caught:
        card.subset(["spot", "bright_spot"])
    assert caught.value.code == "card-few-classes"
    with pytest.raises(UserError) as caught:
        card.subset(["sport", "ring"])
    assert caught.value.code == "card-unknown-class"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"])
def test_whatever_is_damaged_is_a_users_error(form: str) -> None:
    """Bytes are turned at random places: each file decodes or is refused, and never breaks the program."""
    content = image(form, (24, 24))
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in generator.integers(0, len(content), 4):
            damaged[place] = generator.integers(0, 256)
        try:
            decode(bytes(damaged), "x")
        except UserError:
            refused += 1
    assert refused > 0 or form == "BMP"
