"""Every command that a message prints is pasted in the situation that prints it, and works.

`CALLS` are all calls of `attrgen.core.shell.command` in the source, by module, function and fixed words. Each
has a situation in `printed_situations`, a function that brings it about and returns what was printed; a new
call without one fails. File names have spaces and quotation marks: a path that is not quoted fails, too.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from printed_situations import SITUATIONS
from printed_user import PROGRAMS, User

ROOT = Path(__file__).parents[3]
# Commands whose exit status 1 says that problems were shown, which is what they are printed for.
SHOW_PROBLEMS = ("attrgen check", "vr data check")


def _calls() -> dict[str, list[str]]:
    """The words of each call of `command`, `*` for those that are computed, by its key."""
    calls: dict[str, list[str]] = {}
    for package in PROGRAMS:
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for function, call in _within(ast.parse(path.read_text(encoding="utf-8"))):
                words = [part.value if isinstance(part, ast.Constant) else "*" for part in call.args]
                calls[f"{module}.{function}: {' '.join(map(str, words))}"] = list(map(str, words))
    return calls


def _within(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.Call]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "command":
            yield function, node
        inner = node.name if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else function
        yield from _within(node, inner)


CALLS = _calls()


@pytest.fixture
def user(
    tmp_path: Path, toy: Any, toy_run: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[User]:
    spec = importlib.util.spec_from_file_location(
        "scripted_server", ROOT / "tests/attrgen/scripted_server.py"
    )
    assert spec is not None and spec.loader is not None
    scripted = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "scripted_server", scripted)
    spec.loader.exec_module(scripted)
    folder = tmp_path / "it's mine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys\nfrom pathlib import Path\npath = Path(sys.argv[-1])\n"
        "text = path.read_text()\n"
        "path.write_text(text.replace('[descriptive]', '[descriptive]\\na pale oval by a dark rim', 1))\n"
    )
    monkeypatch.setenv("EDITOR", f"{shlex.quote(sys.executable)} {shlex.quote(str(editor))}")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr(sys, "stdin", _Terminal("q\n" * 9))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "VR_DATA"):
        monkeypatch.delenv(name, raising=False)
    with scripted.Server() as server:
        yield User(folder, toy, toy_run, server, monkeypatch)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_printed_command_has_a_situation() -> None:
    assert sorted(CALLS) == sorted(SITUATIONS)


@pytest.mark.parametrize("key", CALLS)
def test_a_printed_command_works(key: str, user: User, tiny: Any) -> None:
    if key not in SITUATIONS:
        pytest.skip("has no situation; another test says so")
    text = SITUATIONS[key](user)
    printed = re.findall(r"`([^`]+)`", text) + re.findall(r"^ +((?:vr|attrgen) .+)$", text, re.MULTILINE)
    lines = [line for line in printed if _fits(shlex.split(line), CALLS[key])]
    assert lines, f"not printed: {key}\n{text}"
    _prepare(user, tiny)
    for line in dict.fromkeys(lines):
        status, said = user.types(*shlex.split(line))
        shows = any(line.startswith(start) for start in SHOW_PROBLEMS)
        assert status == 0 or (shows and status == 1), f"{line}\n{said}"


def _fits(words: list[str], pattern: list[str]) -> bool:
    """Whether a command line is of a call: its fixed words are there, in order."""
    rest = iter(words)
    return words[: _fixed(pattern)] == pattern[: _fixed(pattern)] and all(
        word in rest for word in pattern if word != "*"
    )


def _fixed(pattern: list[str]) -> int:
    return pattern.index("*") if "*" in pattern else len(pattern)


def _prepare(user: User, tiny: Any) -> None:
    """What a user has who pastes a command: an LLM, images to download, a backbone; and little time."""
    from vr.clip import backbone as backbones
    from vr.methods.biomedvr import BioMedVR

    user.patch.setenv("OPENAI_BASE_URL", user.server.url)
    load = backbones.load

    def loaded(name: str = backbones.DEFAULT_NAME, weights: str | None = None, **more: Any) -> Any:
        return tiny if name == backbones.DEFAULT_NAME else load(name, weights, **more)

    user.patch.setattr(backbones, "load", loaded)
    user.patch.setattr(BioMedVR, "recipe", BioMedVR.recipe.model_copy(update={"epochs": 1}))


def test_the_pages_name_commands_that_work(user: User) -> None:
    pages = [path for package in PROGRAMS for path in (ROOT / package).rglob("*.j2")]
    commands = {
        line
        for page in pages
        for line in re.findall(r"<code>((?:vr|attrgen) [^<]+)</code>", page.read_text())
    }
    assert commands
    for line in commands:
        status, printed = user.types(*shlex.split(line))
        assert status == 0, f"{line}\n{printed}"


def test_no_message_names_a_command_by_other_means() -> None:
    """Outside help texts and docstrings, `vr …` and `attrgen …` come from `command` alone."""
    words = "train|eval|predict|calibrate|build|edit|check|report|table|sweep|explain"
    named = re.compile(rf"`(?:vr|attrgen) [a-z]|\b(?:vr|attrgen) (?:{words})\b")
    by_hand = []
    for package in PROGRAMS:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            helps = {id(node) for top in _helps(tree) for node in ast.walk(top)}
            by_hand += [
                f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in helps
                if named.search(node.value) and str(path.relative_to(ROOT)) not in FILES_WITH_TEXT
            ]
    assert not by_hand


# Files whose texts are no messages: the README of a published set, help, a developer's tool.
FILES_WITH_TEXT = ("attrgen/curation/hub.py", "attrgen/cli/__init__.py", "vr/phantom/measure.py")
HELP_CALLS = ("Option", "Argument", "option", "add_command", "application", "Field", "command")


def _helps(tree: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, and calls whose words are help texts or examples."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
            if name in HELP_CALLS:
                yield node
        elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first
