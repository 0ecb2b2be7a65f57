"""Image formats: those that are built in, and those of other packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.schema.image_names import COLLECTION_SUFFIXES
from vr.data import image_formats
from vr.data.sources import open_collection, open_dataset, open_source

PLUGIN = '''
"""Images named by their class: `spot-1.png`."""

from attrgen.schema.card import Card
from vr.data.formats.file_source import FileSource, open_files
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.labels import label_of
from vr.data.formats.location import Location
from vr.data.formats.source import Item


def images(location: Location) -> list[str]:
    return [name for name in location.top_names if name.endswith(".toy")]


def open_toy(location: Location, card: Card) -> FileSource:
    rows = [("train", Item(name, label_of(card, name.split("-")[0]))) for name in images(location)]
    return open_files(location.tree, rows, card)


FORMAT = ImageFormat(
    name="toy",
    description="files named by their class",
    detect=lambda location: bool(images(location)),
    open=open_toy,
    class_names=lambda location: [name.split("-")[0] for name in images(location)],
    suffixes=(".toybox",),
)
WRONG_NAME = FORMAT
NOT_A_FORMAT = 42
'''

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A package with an entry point, as pip would install it."""

    def make(entry: str, code: str = PLUGIN) -> None:
        site = tmp_path / "site"
        info = site / "toy_format-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "toy_plugin.py").write_text(code)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-format\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[vr.image_formats]\n{entry}\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, "toy_plugin", raising=False)

    return make


@pytest.fixture
def toy_folder(tmp_path: Path, png_bytes: Callable[..., bytes]) -> Path:
    folder = tmp_path / "collection"
    folder.mkdir()
    for number in range(8):
        (folder / f"{('ring', 'spot')[number % 2]}-{number}.toy").write_bytes(png_bytes(number))
    return folder


def test_a_package_adds_a_format(install: Install, toy_folder: Path) -> None:
    install("toy = toy_plugin:FORMAT")
    assert image_formats.format_names() == ["coop", "dicom", "folder", "manifest", "npz", "toy"]
    card, source = open_dataset(str(toy_folder))
    assert card.class_names == ("ring", "spot")
    assert card.images is not None and card.images.layout == "toy"
    assert {split: len(items) for split, items in source.splits.items()} == {"train": 6, "test": 2}
    assert source.read("ring-0.toy").size == (24, 20)
    assert open_source(card, toy_folder, format="toy").splits == source.splits
    assert ".toybox" in image_formats.collection_suffixes()


def test_a_named_format_also_names_the_classes(
    install: Install, tmp_path: Path, png_bytes: Callable[..., bytes]
) -> None:
    install("toy = toy_plugin:FORMAT", PLUGIN.replace("    suffixes", "    rank=60,\n    suffixes"))
    folder = tmp_path / "both"  # class folders too, which are detected first
    for number, name in enumerate(
        ["ring-0.toy", "ring-1.toy", "spot-0.toy", "spot-1.toy", "a/0.png", "b/1.png"]
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png_bytes(number))
    card, _ = open_dataset(str(folder))
    assert card.class_names == ("a", "b")
    for card, source in (open_dataset(str(folder), format="toy"), open_collection(folder, format="toy")):
        assert card.class_names == ("ring", "spot")
        assert card.images is not None and card.images.layout == "toy"
        assert sum(map(len, source.splits.values())) == 4


def test_without_the_package_the_card_is_refused(install: Install, toy_folder: Path) -> None:
    with pytest.MonkeyPatch.context():
        install("toy = toy_plugin:FORMAT")
        card, _ = open_dataset(str(toy_folder))
    sys.path.remove(str(toy_folder.parent / "site"))
    with pytest.raises(UserError) as caught:
        open_source(card, toy_folder)
    assert caught.value.code == "format-unknown"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("toy = toy_plugin:FORMAT", "import no_such_module"),
        ("toy = toy_plugin:FORMAT", "raise SystemError('broken')"),
        ("toy = toy_plugin:MISSING", PLUGIN),
        ("toy = toy_plugin:NOT_A_FORMAT", PLUGIN),
        ("other = toy_plugin:WRONG_NAME", PLUGIN),
        ("folder = toy_plugin:FORMAT", PLUGIN),
    ],
)
def test_a_broken_package_is_named(entry: str, code: str, install: Install, toy_folder: Path) -> None:
    install(entry, code)
    with pytest.raises(UserError) as caught:
        open_dataset(str(toy_folder))
    assert caught.value.code == "format-plugin-broken"
    assert "pip uninstall toy-format" in caught.value.remedy


def test_a_named_format_needs_no_other_package(
    install: Install, forms: dict[str, Path], card, tmp_path: Path
) -> None:
    install("toy = toy_plugin:FORMAT", "import no_such_module")
    assert "toy" in image_formats.format_names()
    assert len(open_source(card, forms["npz"], format="npz").splits["train"]) == 12


def test_both_packages_know_the_same_suffixes() -> None:
    suffixes = {".zip", *(suffix for known in image_formats.all_formats() for suffix in known.suffixes)}
    assert suffixes == set(COLLECTION_SUFFIXES)


def test_the_more_explicit_formats_are_tried_first() -> None:
    assert [known.name for known in image_formats.all_formats()] == [
        "npz",
        "coop",
        "manifest",
        "dicom",
        "folder",
    ]
    for name, known in image_formats.built_in_formats().items():
        assert known.name == name


def test_the_list_of_formats_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'PIL', 'pydicom', 'pyarrow', 'tomlkit'}"
    code = "import sys; from vr.data import image_formats; image_formats.all_formats(); "
    code += f"print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
