"""Archives that nobody vouches for."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from vr.data.download import unpack as unpacking
from vr.data.download.unpack import size_text, unpack


def archive(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], packed: bool = False) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as made:
        for name, content in entries:
            made.writestr(name, content)
    return path


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def tree(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_a_good_archive(tmp_path: Path) -> None:
    written: list[int] = []
    made = archive(tmp_path / "a.zip", ("a/", b""), ("a/b.png", b"123"), ("c d/é.png", b"4" * 3_000_000))
    unpack(made, tmp_path / "new" / "A", progress=written.append)
    assert tree(tmp_path / "new") == ["A", "A/a", "A/a/b.png", "A/c d", "A/c d/é.png"]
    assert (tmp_path / "new" / "A" / "a" / "b.png").read_bytes() == b"123"
    assert sum(written) == 3_000_003
    assert made.exists()


def test_backslashes_are_slashes(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("set\\cat\\", b""), ("set\\cat\\1.png", b"1"))
    unpack(path, tmp_path / "A")
    assert (tmp_path / "A" / "set" / "cat" / "1.png").read_bytes() == b"1"


@pytest.mark.parametrize(
    "name",
    ["../evil.png", "a/../../evil.png", "/etc/evil.png", "..\\evil.png", "C:\\evil.png", link("a/link")],
    ids=str,
)
def test_an_entry_that_is_refused(name: str | zipfile.ZipInfo, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("good.png", b"1"), (name, b"2"))
    with pytest.raises(UserError) as caught:
        unpack(path, tmp_path / "below" / "A")
    assert (caught.value.code, caught.value.file) == ("unpack-unsafe", str(path))
    assert tree(tmp_path) == ["a.zip"]


def test_a_bomb(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("zeros.png", bytes(70_000_000)), packed=True)
    with pytest.raises(UserError) as caught:
        unpack(path, tmp_path / "A")
    assert caught.value.code == "unpack-unsafe"
    assert tree(tmp_path) == ["a.zip"]


def test_an_entry_that_is_longer_than_it_says(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a.png", b"x" * 1000), packed=True)
    content = path.read_bytes()
    path.write_bytes(content.replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(UserError) as caught:
        unpack(path, tmp_path / "A")
    assert caught.value.code == "unpack-damaged"
    assert tree(tmp_path) == ["a.zip"]


def test_twice_the_same_name(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        unpack(archive(tmp_path / "a.zip", ("a.png", b"1"), ("A.png", b"2")), tmp_path / "T")
    assert caught.value.code == "unpack-unsafe"


def test_an_encrypted_archive(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a.png", b"1"))
    content = bytearray(path.read_bytes())
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + at] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        unpack(path, tmp_path / "A")
    assert caught.value.code == "unpack-unsafe"


@pytest.mark.parametrize("cut", [10, 200, 3000])
def test_a_cut_archive(cut: int, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a.png", b"1" * 5000))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UserError) as caught:
        unpack(path, tmp_path / "A")
    assert caught.value.code == "unpack-damaged"
    assert tree(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_under_every_kind_of_compression(method: int, tmp_path: Path) -> None:
    path, whole = tmp_path / "a.zip", bytes(range(256)) * 40
    with zipfile.ZipFile(path, "w", method) as written:
        written.writestr("a.png", whole)
    content = path.read_bytes()
    for at in range(35, content.index(b"PK\x01\x02"), 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        try:
            unpack(path, tmp_path / f"A{at}")  # some bytes say nothing
        except UserError as error:
            assert error.code == "unpack-damaged"
            assert not (tmp_path / f"A{at}").exists()
        else:
            assert (tmp_path / f"A{at}" / "a.png").read_bytes() == whole


def test_a_damaged_entry_leaves_nothing(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a.png", b"1" * 5000), ("b.png", b"2" * 5000))
    path.write_bytes(path.read_bytes().replace(b"2" * 100, b"3" * 100, 1))
    with pytest.raises(UserError) as caught:
        unpack(path, tmp_path / "A")
    assert caught.value.code == "unpack-damaged"
    assert tree(tmp_path) == ["a.zip"]


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "mine.txt").write_text("mine")
    with pytest.raises(UserError) as caught:
        unpack(archive(tmp_path / "a.zip", ("a.png", b"1")), tmp_path / "A")
    assert caught.value.code == "unpack-target-exists"
    assert tree(tmp_path) == ["A", "A/mine.txt", "a.zip"]


def test_too_many_entries_and_too_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "a.zip", ("a.png", b"1"), ("b.png", b"2"))
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "MAX_ENTRIES", 1)
        with pytest.raises(UserError) as caught:
            unpack(path, tmp_path / "A")
        assert caught.value.code == "unpack-unsafe"
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 1})())
    with pytest.raises(UserError) as caught:
        unpack(path, tmp_path / "A")
    assert caught.value.code == "unpack-disk-full"


def test_sizes_for_people() -> None:
    assert [size_text(size) for size in (0, 999, 1500, 2_340_000, 5 * 10**15)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "2.3 MB",
        "5000.0 TB",
    ]


def test_no_archive_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(io.BytesIO(b"hello").getvalue())
    with pytest.raises(UserError) as caught:
        unpack(tmp_path / "a.zip", tmp_path / "A")
    assert caught.value.code == "unpack-damaged"
