"""The package of `docs/extending.md` does what the page says, installed as pip would install it."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import docs_pages as pages
import pytest
from docs_pages import run_page

from attrgen.checks import registry
from attrgen.checks.rule import REGISTERED

pytestmark = pytest.mark.xdist_group("docs")
PAGE = "docs/extending.md"


@pytest.fixture
def installed(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The files of the page, with the entry points of its `pyproject.toml`."""
    files = pages.files(PAGE)
    for name, text in files.items():
        path = here / name if name.endswith(".toml") else here / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (here / "site" / "my_package" / "__init__.py").touch()
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = here / "site" / "my_package-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))
    monkeypatch.syspath_prepend(str(here / "site"))
    rules = dict(REGISTERED)
    registry.all_rules.cache_clear()
    yield files
    registry.all_rules.cache_clear()
    REGISTERED.clear()
    REGISTERED.update(rules)
    for module in [name for name in sys.modules if name.split(".")[0] in ("my_package", "test_nearest_mean")]:
        del sys.modules[module]


def test_the_page_has_four_recipes(installed: dict[str, str]) -> None:
    entries = tomllib.loads(installed["pyproject.toml"])["project"]["entry-points"]
    assert set(entries) == {"vr.methods", "attrgen.check_rules", "vr.image_formats"}
    assert "animals.toml" in installed


@pytest.mark.usefixtures("installed")
def test_its_commands_run(capsys: pytest.CaptureFixture[str]) -> None:
    run_page(PAGE)
    assert "laterality" in capsys.readouterr().out


@pytest.mark.usefixtures("installed")
def test_its_test_of_the_method_passes() -> None:
    importlib.import_module("test_nearest_mean").test_nearest_mean()


@pytest.mark.usefixtures("installed")
def test_its_rule_finds_what_it_says() -> None:
    from attrgen.checks import check_texts

    texts = ["a round dark area on the left side", "a round dark area with a thin wall"]
    actual = check_texts(texts, class_name="cyst", kind="descriptive")
    assert [finding.position for finding in actual if finding.rule == "laterality"] == [0]


@pytest.mark.usefixtures("installed")
def test_its_format_is_detected() -> None:
    import vr

    dataset = vr.open_dataset("flat-pets")
    assert dataset.card.images is not None and dataset.card.images.layout == "labelled-names"
    assert dataset.classes == ("cat", "dog")
    assert sum(len(items) for items in dataset.source.splits.values()) == 24
