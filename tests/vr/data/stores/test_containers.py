"""Archives, tables and stores: the same images and the same pixels as in a folder; damage is told."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from vr.data.formats.left_out import LeftOut
from vr.data.loading.unlabelled import UnlabelledFiles, check_paths, image_paths, named_paths
from vr.data.stores import container, remote

NAMES = ("a.png", "deep/b.png", "c.png")


@pytest.fixture
def contents() -> dict[str, bytes]:
    """Three images and what lies beside them: a mask, a text, a hidden file."""
    images = {}
    for number, name in enumerate((*NAMES, "c_mask.png", ".hidden.png")):
        stream = io.BytesIO()
        Image.fromarray(np.full((6, 5, 3), 40 * number, dtype=np.uint8)).save(stream, "PNG")
        images[name] = stream.getvalue()
    return {**images, "a.json": b"{}"}


@pytest.fixture(autouse=True)
def _nothing_kept_open() -> None:
    container._opened_as_it_was.cache_clear()


def as_folder(root: Path, contents: dict[str, bytes]) -> str:
    for name, content in contents.items():
        (root / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "images" / name).write_bytes(content)
    return str(root / "images")


def as_tar(root: Path, contents: dict[str, bytes], mode: str = "w") -> str:
    with tarfile.open(root / "shard.tar", mode) as archive:  # type: ignore[call-overload]
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return str(root / "shard.tar")


def as_zip(root: Path, contents: dict[str, bytes]) -> str:
    with zipfile.ZipFile(root / "images.zip", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return str(root / "images.zip")


def in_memory(path: str) -> str:
    """The same file or folder in a store of fsspec's."""
    import fsspec

    store = fsspec.filesystem("memory")
    below = [file for file in Path(path).rglob("*") if file.is_file()] or [Path(path)]
    for file in below:
        store.pipe_file(f"/bucket/{file.relative_to(Path(path).parent)}", file.read_bytes())
    return f"memory://bucket/{Path(path).name}"


FORMS: dict[str, Callable[[Path, dict[str, bytes]], str]] = {
    "folder": as_folder,
    "tar": as_tar,
    "zip": as_zip,
    "file-url": lambda root, contents: f"file://{as_folder(root, contents)}",
    "memory-folder": lambda root, contents: in_memory(as_folder(root, contents)),
    "memory-tar": lambda root, contents: in_memory(as_tar(root, contents)),
    "memory-zip": lambda root, contents: in_memory(as_zip(root, contents)),
}


@pytest.mark.parametrize("form", FORMS)
def test_images_are_those_of_the_folder(form: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    path = FORMS[form](tmp_path, contents)
    check_paths([path])
    left_out = LeftOut()
    images = list(image_paths([path], left_out))
    assert sorted(images) == sorted(f"{path}/{name}" for name in NAMES)
    first, second = left_out.sentences()
    assert first.startswith("1 segmentation mask is left out") and "c_mask.png" in first
    assert second.startswith("1 file is left out") and ".json 1" in second
    for image in images:
        read = UnlabelledFiles().read(image)
        assert read.size == (5, 6)
        assert read.getpixel((0, 0)) == (40 * NAMES.index(image.removeprefix(f"{path}/")),) * 3


def test_single_images_and_shards_by_url(contents: dict[str, bytes], tmp_path: Path) -> None:
    url = in_memory(as_folder(tmp_path, contents))
    assert list(image_paths([f"{url}/c_mask.png"])) == [f"{url}/c_mask.png"]  # named, so it counts
    assert UnlabelledFiles().read(f"{url}/c.png").getpixel((0, 0)) == (80, 80, 80)
    with pytest.raises(UserError) as caught:
        UnlabelledFiles().read(f"{url}/nowhere.png")
    assert caught.value.code == "store-no-file"
    with pytest.raises(UserError) as caught:
        check_paths([f"{url}/nowhere.png"])
    assert caught.value.code == "images-missing-path"


def test_an_archive_that_was_replaced_is_opened_again(contents: dict[str, bytes], tmp_path: Path) -> None:
    path = as_tar(tmp_path, contents)
    assert len(list(image_paths([path]))) == 3
    as_tar(tmp_path, {"new.png": contents["a.png"]})
    assert list(image_paths([path])) == [f"{path}/new.png"]
    assert UnlabelledFiles().read(f"{path}/new.png").size == (5, 6)


def test_an_archive_that_was_replaced_in_a_store_is_opened_again(
    contents: dict[str, bytes], tmp_path: Path
) -> None:
    def put(images: dict[str, bytes]) -> str:
        return in_memory(as_tar(tmp_path, images))

    url = put(contents)
    assert len(list(image_paths([url]))) == 3
    assert put({"new.png": contents["a.png"]}) == url
    assert list(image_paths([url])) == [f"{url}/new.png"]
    assert UnlabelledFiles().read(f"{url}/new.png").size == (5, 6)


def test_a_store_that_does_not_say_how_much_it_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    class Store:
        length = 30

        def size(self, name: str) -> None:
            return None

        def open(self, name: str, mode: str) -> Any:
            return io.BytesIO(b"x" * self.length)

    store = Store()
    monkeypatch.setattr(remote, "_store", lambda url: (store, url))
    monkeypatch.setattr(remote, "MAX_FILE_BYTES", 50)
    assert remote.read("http://x.invalid/a.png") == b"x" * 30
    store.length = 10_000
    with pytest.raises(UserError) as caught:
        remote.read("http://x.invalid/a.png")
    assert caught.value.code == remote.too_large("").code


def test_folder_of_shards(contents: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    (folder / "README.md").write_text("x")
    Path(as_tar(tmp_path, contents)).rename(folder / "0.tar")
    left_out = LeftOut()
    images = list(image_paths([folder], left_out))
    assert sorted(images) == sorted(f"{folder}/0.tar/{name}" for name in NAMES)
    assert ".md 1" in left_out.sentences()[1] and ".tar" not in left_out.sentences()[1]


def test_archive_beside_images_is_left_out(contents: dict[str, bytes], tmp_path: Path) -> None:
    folder = Path(as_folder(tmp_path, contents))
    Path(as_tar(tmp_path, contents)).rename(folder / "all.tar")
    left_out = LeftOut()
    assert len(list(image_paths([folder], left_out))) == 3
    assert ".tar 1" in left_out.sentences()[1]


class TestTar:
    def test_compressed(self, contents: dict[str, bytes], tmp_path: Path) -> None:
        path = as_tar(tmp_path, contents, "w:gz")
        with pytest.raises(UserError) as caught:
            list(image_paths([path]))
        assert (caught.value.code, caught.value.file) == ("tar-unreadable", path)

    def test_names_outside(self, tmp_path: Path) -> None:
        path = as_tar(tmp_path, {"../x.png": b"x"})
        with pytest.raises(UserError) as caught:
            list(image_paths([path]))
        assert caught.value.code == "tar-unsafe"

    def test_cut_short(self, contents: dict[str, bytes], tmp_path: Path) -> None:
        path = Path(as_tar(tmp_path, contents))
        path.write_bytes(path.read_bytes()[:1100])
        with pytest.raises(UserError):
            for image in image_paths([path]):
                UnlabelledFiles().read(image)

    def test_missing_member(self, contents: dict[str, bytes], tmp_path: Path) -> None:
        with pytest.raises(UserError) as caught:
            UnlabelledFiles().read(f"{as_tar(tmp_path, contents)}/x.png")
        assert caught.value.code == "data-unreadable-file"


class TestParquet:
    def write(self, path: Path, columns: dict[str, list[object]], rows_per_group: int = 2) -> str:
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.table(columns), path, row_group_size=rows_per_group)
        return str(path)

    @pytest.mark.parametrize("is_struct", [False, True])
    @pytest.mark.parametrize("is_remote", [False, True])
    def test_rows_are_images(
        self, is_struct: bool, is_remote: bool, contents: dict[str, bytes], tmp_path: Path
    ) -> None:
        values: list[object] = [contents[name] for name in NAMES]
        if is_struct:
            values = [{"bytes": value, "path": "x.png"} for value in values]
        path = self.write(tmp_path / "t.parquet", {"image": values, "label": [0, 1, 2]})
        path = in_memory(path) if is_remote else path
        images = list(image_paths([path]))
        assert images == [f"{path}/{row}" for row in range(3)]
        pixels = [UnlabelledFiles().read(image).getpixel((0, 0)) for image in (*images[::-1], images[0])]
        assert pixels == [(80,) * 3, (40,) * 3, (0,) * 3, (0,) * 3]

    def test_several_groups_and_missing_bytes(self, contents: dict[str, bytes], tmp_path: Path) -> None:
        values: list[object] = [contents["a.png"]] * 10 + [None]
        path = self.write(tmp_path / "t.parquet", {"image": values})
        images = list(image_paths([path]))
        assert images[0].endswith("/00") and images[-1].endswith("/10")
        with pytest.raises(UserError) as caught:
            UnlabelledFiles().read(images[-1])
        assert caught.value.code == "image-empty"
        with pytest.raises(UserError) as caught:
            UnlabelledFiles().read(f"{path}/11")
        assert caught.value.code == "data-unreadable-file"

    def test_no_column_of_images(self, tmp_path: Path) -> None:
        for columns in ({"path": ["a.png"]}, {"left": [b"x"], "right": [b"y"]}):
            path = self.write(tmp_path / f"{len(columns)}.parquet", columns)  # type: ignore[arg-type]
            with pytest.raises(UserError) as caught:
                list(image_paths([path]))
            assert caught.value.code == "parquet-no-image-column"

    def test_no_parquet(self, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow")
        (tmp_path / "x.parquet").write_bytes(b"no table")
        with pytest.raises(UserError) as caught:
            list(image_paths([tmp_path / "x.parquet"]))
        assert caught.value.code == "parquet-unreadable"

    def test_without_pyarrow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "x.parquet").write_bytes(b"x")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(UserError) as caught:
            list(image_paths([tmp_path / "x.parquet"]))
        assert caught.value.code == "parquet-no-pyarrow" and "biomedvr[parquet]" in caught.value.remedy


class TestStores:
    def test_store_whose_package_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "s3fs", None)
        remote._file_system.cache_clear()
        with pytest.raises(UserError) as caught:
            check_paths(["s3://bucket/images"])
        assert caught.value.code == "store-package-missing" and "s3fs" in caught.value.what

    def test_unknown_store(self) -> None:
        with pytest.raises(UserError) as caught:
            check_paths(["nostore://bucket/images"])
        assert caught.value.code == "store-unknown"

    def test_store_that_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Broken:
            def exists(self, name: str) -> bool:
                raise RuntimeError("no credentials")

        monkeypatch.setattr(remote, "_store", lambda url: (Broken(), url))
        with pytest.raises(UserError) as caught:
            check_paths(["s3://bucket/images"])
        assert caught.value.code == "store-unreadable" and "no credentials" in caught.value.what


def test_list_of_paths(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.png\n\ns3://bucket/b.png\n")
    listed = named_paths([str(tmp_path / "list.txt"), "c.png", "nowhere.txt"])
    assert list(listed) == ["a.png", "s3://bucket/b.png", "c.png", "nowhere.txt"]
