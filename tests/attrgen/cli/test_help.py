"""`--help`: every command has an example that parses, every option a help text and a default."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import pytest
import typer

from attrgen.cli import app

Attrgen = Callable[..., Any]
MAIN: Any = typer.main.get_command(app)


def commands(group: Any = MAIN, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *words, name)
        else:
            yield (*words, name), command


COMMANDS = dict(commands())
NAMES = pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)


@NAMES
def test_every_option_has_a_help_text_and_a_default(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    context = typer.Context(command)
    for parameter in command.params:
        _, text = parameter.get_help_record(context) or ("", "")
        assert parameter.help, (words, parameter.name)
        is_switch = parameter.param_type_name == "option" and parameter.is_flag
        # A switch is off until it is given, and `check` without files lists rules.
        if not is_switch and parameter.name != "files":
            assert "[required" in text or "default: " in text or "; required" in text, (words, parameter.name)


@NAMES
def test_every_command_has_examples_that_parse(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    assert command.help
    examples = [line.partition(" > ")[0] for line in command.epilog.splitlines()]
    assert examples
    for example in examples:
        program, *rest = shlex.split(example)
        assert program == "attrgen" and tuple(rest[: len(words)]) == words
        command.make_context(" ".join(words), rest[len(words) :])  # raises where a word is wrong


@NAMES
def test_the_list_of_commands_shows_whole_sentences(words: tuple[str, ...]) -> None:
    assert not COMMANDS[words].get_short_help_str(80 - 6 - 8).endswith("...")


def test_the_options_of_build_are_grouped(attrgen: Attrgen) -> None:
    ran = attrgen("build", "--help")
    assert ran.status == 0
    lines = ran.out.splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "Attribute set:",
        "Texts:",
        "Model:",
        "Requests:",
        "Cache and limits:",
        "Options:",
        "Examples:",
    ]
    options = lines[lines.index("Options:") + 1 : lines.index("Examples:")]
    assert [line.split()[0] for line in options if line.strip()] == ["--help"]


def test_the_main_help_and_the_version(attrgen: Attrgen, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = attrgen("--help")
    assert ran.status == 0 and "attribute set" in ran.out
    for name in MAIN.commands:
        assert f"\n  {name} " in ran.out
    monkeypatch.setattr(metadata, "version", lambda name: "1.2.3")
    assert attrgen("--version").out.split()[-1] == "1.2.3"
