"""The commands and the Python of the README and the guides work on the demo data."""

from __future__ import annotations

import docs_pages as pages
import pytest
from docs_pages import call, run_page

pytestmark = pytest.mark.xdist_group("docs")

GUIDES = ("attribute-sets", "own-data", "methods", "reports", "python-api")
PAGES = ("README.md", *(f"docs/{name}.md" for name in GUIDES))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("here")
def test_the_blocks_of_a_page_run(page: str) -> None:
    run_page(page)


@pytest.mark.usefixtures("here")
def test_a_command_that_fails_is_seen() -> None:
    assert call(["vr", "train", "--dataset", "no-such-dataset"]) == 2
    with pytest.raises(AssertionError):
        call(["ls"])


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    every = ["README.md", *(f"docs/{path.name}" for path in (pages.ROOT / "docs").glob("*.md"))]
    executable = [
        block for page in every for block in pages.blocks(page) if block.language in ("sh", "python")
    ]
    assert sum(bool(block.reason) for block in executable) <= 6
    assert len(executable) > 30
    assert {page for page in every for block in pages.blocks(page) if block.language == "sh"} == {
        *PAGES[:-1],
        "docs/getting-started.md",
        "docs/extending.md",
    }


def test_the_readme_is_short() -> None:
    assert len((pages.ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
