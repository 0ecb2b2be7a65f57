"""Methods are found by name: those of the folder, and those of other packages by entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from vr.methods import all_methods, built_in_methods, find_method

TABLE_ORDER = [
    "zero-shot",
    "linear-probe",
    "tip-adapter",
    "tip-adapter-f",
    "coop",
    "cocoop",
    "biomedcoop",
    "vp",
    "ar",
    "attrvr",
    "biomedvr",
]
MODULE = """
from vr.methods.zero_shot import ZeroShot


class Mine(ZeroShot):
    name = "mine"


class Other(ZeroShot):
    name = "other"


NOT_A_METHOD = 3
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a package on the path that adds a method by an entry point, as an installed one does."""

    def make(entry: str, module: str = MODULE) -> None:
        (tmp_path / "foreign_methods.py").write_text(module)
        info = tmp_path / "foreign_pack-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-pack\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[vr.methods]\n{entry}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(__import__("sys").modules, "foreign_methods", raising=False)

    return make


def test_the_order_of_tables() -> None:
    names = list(built_in_methods())
    assert [name for name in names if name in TABLE_ORDER] == TABLE_ORDER
    assert all(name == method.name for name, method in built_in_methods().items())


def test_a_method_of_another_package(install) -> None:
    install("mine = foreign_methods:Mine")
    assert find_method("mine").__module__ == "foreign_methods"
    assert list(all_methods()) == [*built_in_methods(), "mine"]
    assert find_method("vp") is built_in_methods()["vp"]
    with pytest.raises(UserError) as caught:
        find_method("minee")
    assert caught.value.code == "method-unknown" and "'mine'" in caught.value.remedy


@pytest.mark.parametrize(
    ("entry", "module"),
    [
        ("mine = foreign_methods:Mine", "import a_module_that_is_nowhere"),
        ("mine = foreign_methods:Mine", "1 / 0"),
        ("mine = foreign_methods:Missing", MODULE),
        ("mine = foreign_methods:NOT_A_METHOD", MODULE),
        ("mine = foreign_methods:Other", MODULE),
        ("vp = foreign_methods:Mine", MODULE),
    ],
)
def test_a_broken_package_is_named_and_harms_no_other_method(install, entry: str, module: str) -> None:
    install(entry, module)
    for find in (lambda: find_method(entry.split()[0]), all_methods):
        with pytest.raises(UserError) as caught:
            find()
        assert caught.value.code == "method-plugin-broken"
        assert "foreign-pack" in caught.value.what and "pip uninstall foreign-pack" in caught.value.remedy
    assert find_method("ar") is built_in_methods()["ar"]
