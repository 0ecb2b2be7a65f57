"""Help of every command: what it says of each option, and that shortcuts agree with the method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
import typer
from typer.testing import CliRunner

from vr.cli import app, options_train

RUNNER = CliRunner()


def commands(command: Any, name: str = "vr") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for part, child in command.commands.items():
        yield from commands(child, f"{name} {part}")


CHOICES = {
    "fusion": options_train.Fusion,
    "gate": options_train.Gate,
    "penalty": options_train.Penalty,
    "penalty_over": options_train.PenaltyOver,
}
COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_complete(name: str) -> None:
    command = COMMANDS[name]
    shown = RUNNER.invoke(app, [*name.split()[1:], "--help"])
    assert shown.exit_code == 0
    context = command.make_context(name, [], resilient_parsing=True)
    for parameter in command.params:
        assert parameter.help, (name, parameter.name)
        if parameter.param_type_name == "option" and not parameter.required:
            flag = parameter.is_flag and not parameter.secondary_opts
            assert flag or "[default:" in parameter.get_help_record(context)[1], (name, parameter.name)
    examples = (command.epilog or "").splitlines()
    assert any(name in example for example in examples), name
    assert all(example in shown.output for example in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_sentence_fits_the_list_of_commands(name: str) -> None:
    first = COMMANDS[name].help.split("\n\n")[0]
    assert len(first) <= 64 and first.endswith(".")


def test_options_of_train_are_grouped() -> None:
    lines = RUNNER.invoke(app, ["train", "--help"]).output.splitlines()
    titles = [line.rstrip(":") for line in lines if line and not line.startswith(" ")][1:]
    assert titles.index("Images and attributes") < titles.index("Method") < titles.index("Output")
    assert titles[-1] == "Examples"


def test_the_application_says_what_it_does_and_its_version() -> None:
    shown = RUNNER.invoke(app, ["--help"]).output
    assert "frozen CLIP" in shown and "parse, call" not in shown
    assert RUNNER.invoke(app, ["--version"], prog_name="vr").output.startswith("vr ")


def test_shortcuts_are_options_of_biomedvr_with_its_choices_and_defaults() -> None:
    from vr.methods.biomedvr import BioMedVR

    fields, defaults = BioMedVR.options_type.model_fields, BioMedVR.options_type()
    parameters = {parameter.name: parameter for parameter in COMMANDS["vr train"].params}
    for name in options_train.SHORTCUTS:
        default = getattr(defaults, name)
        assert parameters[name].show_default == ("the backbone's" if default is None else str(default)), name
        if get_origin(fields[name].annotation) is Literal:
            assert tuple(CHOICES[name]) == get_args(fields[name].annotation)


def test_every_flag_of_train_reaches_the_experiment() -> None:
    from vr.methods.common.recipe import Recipe
    from vr.runs.experiment import Experiment

    used = {*Experiment.model_fields, *Recipe.model_fields, *options_train.SHORTCUTS, "set_"}
    of_the_command = {"config", "tensorboard", "resume", "fresh", "dry_run", "help"}
    assert {parameter.name for parameter in COMMANDS["vr train"].params} - used <= of_the_command
