"""What `import attrgen` offers: the examples run, and each function does what its command does."""

from __future__ import annotations

import asyncio
import doctest
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import attrgen
from attrgen import api
from attrgen.core.errors import UserError
from attrgen.schema import notebook
from attrgen.schema.card import Card

LIBRARY = Path(__file__).parents[2] / "data" / "attributes"
BUSI = LIBRARY / "busi.json"
OTHER = attrgen.AttributeSet(dataset="other", classes={"a": {"descriptive": ["b"]}})


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ATTRGEN_CACHE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("module", "least"), [(api, 5), (notebook, 1)])
def test_the_examples_run(module: object, least: int) -> None:
    results = [
        doctest.DocTestRunner().run(test)
        for test in doctest.DocTestFinder().find(module, globs={**vars(module), "LIBRARY": LIBRARY})
        if test.examples
    ]
    assert len(results) == least
    assert not any(result.failed for result in results)


def test_the_module_offers_what_it_lists() -> None:
    assert set(attrgen.__all__) == set(api.__all__) == set(dir(attrgen))
    for name in attrgen.__all__:
        assert getattr(attrgen, name) is getattr(api, name)
    with pytest.raises(AttributeError):
        _ = attrgen.nothing  # type: ignore[attr-defined]


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys; before = set(sys.modules); import attrgen; print(*(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in ran.stdout.split() if name.partition(".")[0] == "attrgen"} == {"attrgen"}
    assert "pydantic" not in ran.stdout.split()


def test_a_file_is_checked_with_lines_and_a_set_with_its_card(tmp_path: Path) -> None:
    value = json.loads(BUSI.read_text())
    value["classes"]["normal breast tissue"]["descriptive"][0] = "no mass to be seen anywhere"
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(value, indent=2))
    (finding,) = attrgen.check(path)
    assert finding.rule == "negated" and "no mass" in path.read_text().splitlines()[finding.line - 1]
    (finding,) = attrgen.check(attrgen.load(path))
    assert (finding.rule, finding.class_name, finding.line) == ("negated", "normal breast tissue", None)
    assert {finding.rule for finding in attrgen.check(path, "btmri")} >= {"dataset", "class-names"}


def test_a_build_keeps_what_is_there() -> None:
    mine = {"normal breast tissue": {"descriptive": ["an even pattern of soft grey layers"]}}
    existing = attrgen.AttributeSet(dataset="busi", classes=mine)
    steps: list[tuple[int, int]] = []
    built = attrgen.build("busi", existing, offline=True, progress=lambda *step: steps.append(step))
    assert built.classes["normal breast tissue"].descriptive == mine["normal breast tissue"]["descriptive"]
    library = attrgen.load(BUSI)
    assert built.classes["benign breast tumor"] == library.classes["benign breast tumor"]
    assert steps[-1][0] == steps[-1][1] > 0
    assert {change.slot.class_name for change in attrgen.diff(library, built)} == {"normal breast tissue"}


def test_a_build_works_where_an_event_loop_runs_as_in_a_notebook() -> None:
    async def cell() -> attrgen.AttributeSet:
        return attrgen.build("busi", offline=True)

    assert asyncio.run(cell()).id == attrgen.load(BUSI).id


def test_a_build_asks_the_server_of_the_base_url_once(server: Any, card: Card) -> None:
    built = attrgen.build(card, base_url=server.url, kinds=["descriptive"], counts={"descriptive": 3})
    assert [len(value.texts("descriptive")) for value in built.classes.values()] == [3, 3, 3]
    asked = len(server.received)
    again = attrgen.build(card, base_url=server.url, kinds=["descriptive"], counts={"descriptive": 3})
    assert again.id == built.id and len(server.received) == asked >= 3


@pytest.mark.parametrize(
    ("dataset", "existing", "code"),
    [
        ("busy", None, "card-unknown-dataset"),
        ("eurosat", None, "build-no-server"),
        ("busi", OTHER, "build-other-dataset"),
    ],
)
def test_what_cannot_be_built(dataset: str, existing: attrgen.AttributeSet | None, code: str) -> None:
    with pytest.raises(UserError) as caught:
        attrgen.build(dataset, existing, offline=True)
    assert caught.value.code == code


def test_a_card_may_be_given_itself(card: Card) -> None:
    toy = {"Smooth_Lump": {"descriptive": ["a dark round area"]}}
    old = attrgen.AttributeSet(dataset="lumps", classes=toy)
    new = attrgen.AttributeSet(dataset="lumps", classes={"smooth lump": toy["Smooth_Lump"]})
    assert attrgen.diff(old, new, card) == []
    assert "missing" not in {finding.rule for finding in attrgen.check(old, card)}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


def test_a_set_draws_itself_and_escapes_everything() -> None:
    evil = "<script>alert('x')</script>"
    kinds = {"descriptive": [evil], "confusion": {evil: [evil, "a & b"]}}
    attributes = attrgen.AttributeSet(dataset=evil, classes={evil: kinds})
    page = attributes._repr_html_()
    parser = _Tags()
    parser.feed(page)
    assert "table" in parser.tags and "script" not in parser.tags
    assert page.count("&lt;script&gt;") == 6 and "a &amp; b" in page and "2 texts" in page
    busi = attrgen.load(BUSI)
    assert repr(busi) == str(busi) and len(repr(busi)) < 100 and busi.id[:12] in repr(busi)
