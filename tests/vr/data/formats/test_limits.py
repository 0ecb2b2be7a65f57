"""Collections that are damaged or hostile in ways that their libraries do not expect."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.download.unpack import unpack
from vr.data.formats.labels import LARGEST_NUMBER, class_names_of
from vr.data.formats.table import read_table
from vr.data.loading.unlabelled import UnlabelledFiles, image_paths
from vr.data.sampling.content import content_ids
from vr.data.sources import open_collection, open_source
from vr.data.stores.container import container_at


def error_code(call: Any) -> str:
    with pytest.raises(UserError) as caught:
        call()
    return caught.value.code


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 9, 9)).save(stream, "PNG")
    return stream.getvalue()


def npz(path: Path, labels: Any) -> Path:
    np.savez(path, train_images=np.zeros((2, 8, 8), np.uint8), train_labels=np.asarray(labels))
    return path


@pytest.mark.parametrize("label", [LARGEST_NUMBER + 1, 10**15, 2**62])
def test_a_label_that_is_no_index(tmp_path: Path, label: int) -> None:
    assert error_code(lambda: open_collection(npz(tmp_path / "a.npz", [0, label]))) == "label-out-of-range"


def test_identifiers_as_labels_are_names() -> None:
    assert class_names_of(["9" * 19, "1"]) == ["1", "9" * 19]
    assert class_names_of(["1000000", "7"], gaps=False) == ["class 7", "class 1000000"]


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 8, 8), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 8, 8), }",
        b"{'descr': '<U1000000000', 'fortran_order': False, 'shape': (2, 8, 8), }",
        b"{'descr': [[]], 'fortran_order': False, 'shape': (2, 8, 8), }",
        b"[" * 300,
    ],
)
def test_an_array_whose_header_lies(tmp_path: Path, header: bytes) -> None:
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x00" * 128
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("train_images.npy", content)
        archive.writestr("train_labels.npy", content)
    assert error_code(lambda: open_collection(tmp_path / "a.npz")) in ("npz-unreadable", "npz-damaged")


def test_an_entry_of_a_zip_without_a_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("x"), png())
    content = (tmp_path / "a.zip").read_bytes()
    directory = content.index(b"PK\x01\x02")
    nameless = bytearray(content)
    nameless[directory + 28 : directory + 30] = b"\x00\x00"  # the length of its name
    (tmp_path / "a.zip").write_bytes(bytes(nameless))
    assert error_code(lambda: open_collection(tmp_path / "a.zip")).startswith(("zip-", "card-", "data-"))
    assert error_code(lambda: unpack(tmp_path / "a.zip", tmp_path / "to")) == "unpack-damaged"


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, card: Card, kind: str) -> None:
    path = tmp_path / "images.zip"
    opened = socket.socket(socket.AF_UNIX)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        opened.bind(str(path))
    assert error_code(lambda: open_source(card, path)) == "file-not-regular"
    assert error_code(lambda: UnlabelledFiles().read(str(path))) in (
        "file-not-regular",
        "data-unreadable-file",
    )
    opened.close()


def test_a_pipe_and_a_broken_link_among_images(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(png())
    os.mkfifo(tmp_path / "one" / "b.png")
    (tmp_path / "two" / "c.png").symlink_to("nowhere.png")
    _, source = open_collection(tmp_path)
    items = [item for split in source.splits.values() for item in split]
    errors: dict[str, str] = {}
    content_ids(source, items, on_error=lambda item, error: errors.setdefault(item.path, error.code))
    assert errors == {"one/b.png": "file-not-regular", "two/c.png": "data-unreadable-file"}
    assert len(list(image_paths([tmp_path]))) == 4


def test_a_parquet_table_of_dates_that_no_calendar_has() -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    stream = io.BytesIO()
    far = pa.array([2**30, 1], pa.date32())
    parquet.write_table(pa.table({"path": ["a.png", "b.png"], "label": far}), stream)
    assert error_code(lambda: read_table(stream.getvalue(), "t.parquet")) == "manifest-not-parquet"


def test_a_table_of_images_with_too_many_rows(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"image": pa.nulls(20_000_000, pa.binary())}), tmp_path / "a.parquet")
    assert error_code(lambda: container_at(str(tmp_path / "a.parquet"))) == "parquet-unreadable"


def test_a_tar_whose_numbers_lie(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("a.png"))
    content = bytearray((tmp_path / "a.tar").read_bytes())
    content[124:136] = b"-77777777777"
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\x00 " % sum(content[:512])
    (tmp_path / "a.tar").write_bytes(bytes(content))
    assert error_code(lambda: container_at(str(tmp_path / "a.tar"))) == "tar-unreadable"
