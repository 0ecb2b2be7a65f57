"""The code blocks of the README and of the pages in docs/, and running their commands in this process."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_STATUS = re.compile(r"# exits with (\d)")
_FILE = re.compile(r"\A# file: (\S+)\n")


class Block(NamedTuple):
    """A fenced block: its language, its text, and why it is not executed (empty: it is)."""

    language: str
    text: str
    reason: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page; its path is relative to the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(m["language"], m["text"], m["reason"] or "") for m in _BLOCK.finditer(text)]


def commands(block: Block) -> Iterator[tuple[list[str], int]]:
    """The words of each command of a block, and the exit status that the page states, else 0."""
    for line in block.text.splitlines():
        status = _STATUS.search(line)
        yield shlex.split(line, comments=True), int(status[1]) if status else 0


def files(page: str) -> dict[str, str]:
    """Blocks that begin with `# file: PATH`, by that path."""
    named = ((_FILE.match(block.text), block.text) for block in blocks(page))
    return {match[1]: text for match, text in named if match}


def call(words: Sequence[str]) -> int:
    """Run `vr …` or `attrgen …` in this process; the exit status."""
    program, *arguments = words
    assert program in ("vr", "attrgen"), f"not a command of this project, so mark it as not run: {words}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [program, *arguments])
        try:
            importlib.import_module(f"{program}.cli").main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def run_page(page: str) -> None:
    """Run the commands and the Python of a page, in its order; the first command that fails is named."""
    names: dict[str, object] = {}
    for block in blocks(page):
        if block.reason or _FILE.match(block.text):
            continue
        if block.language == "sh":
            for words, status in commands(block):
                assert call(words) == status, f"{page}: {' '.join(words)}"
        elif block.language == "python":
            exec(compile(block.text, page, "exec"), names)
