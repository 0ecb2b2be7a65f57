"""The examples in the docstrings of `import vr` run, with a run and images at the paths that they name."""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

import vr

EXAMPLE = re.compile(r"^Example:\n((?:    .*\n|\n)+)", re.MULTILINE)


def example(documented: Callable[..., Any]) -> str:
    """The code of a docstring's example."""
    text = EXAMPLE.search(f"{inspect.getdoc(documented)}\n")
    return textwrap.dedent(text[1]) if text else ""


def documented() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Functions of the API, and methods of its classes that have an example."""
    for name in vr.__all__:
        value = getattr(vr, name)
        if inspect.isfunction(value):
            yield name, value
    yield from ((f"Model.{name}", getattr(vr.Model, name)) for name in ("predict", "explain", "evaluate"))


@pytest.fixture
def at_home(toy: Any, toy_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder has what the examples name."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(toy_run, tmp_path / "runs/busi/biomedvr/16-shot/seed-1")
    shutil.copytree(toy.data, tmp_path / "my-images")
    shutil.copy(next((toy.data / "test").rglob("*.png")), tmp_path / "scan.png")


@pytest.mark.parametrize(("name", "function"), documented())
@pytest.mark.usefixtures("at_home")
def test_the_example_runs(name: str, function: Callable[..., Any]) -> None:
    code = example(function)
    assert code, f"{name} has no example"
    exec(compile(code, name, "exec"), {"vr": vr, "Image": Image, "numpy": numpy})
