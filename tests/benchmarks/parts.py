"""Parts of a benchmark that run commands: their values one by one, and why they end early; see `gpu.py`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Values = Iterator[tuple[str, Any]]  # names and what was measured
_ERROR = re.compile(r"error|^failed\b", re.IGNORECASE)


def until_it_ends(name: str, values: Values) -> Values:
    """The values of a part; where a command of it fails or is stopped, the values before, and the reason."""
    try:
        yield from values
    except subprocess.TimeoutExpired as stopped:
        yield f"{name}: stopped after s", stopped.timeout
    except subprocess.CalledProcessError as failed:
        yield f"{name}: failed", last_error(failed)


def last_error(failed: subprocess.CalledProcessError) -> str:
    """The last line of a command that names an error; where none does, its last line or its exit status."""
    lines = [line.strip() for text in (failed.stdout, failed.stderr) for line in (text or "").splitlines()]
    errors = [line for line in lines if _ERROR.search(line)]
    return (errors or [line for line in lines if line] or [f"exit status {failed.returncode}"])[-1]


def values_of(words: list[str], folder: Path, seconds: float, **environment: str) -> Values:
    """The values that a command prints, as `print_values` does, also those before it fails or is stopped."""
    try:
        text = run(words, folder, seconds, **environment).stdout
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        yield from _parsed(error.stdout or "")
        raise
    yield from _parsed(text)


def print_values(values: Values) -> None:
    """One line per value, as soon as it is there."""
    for name, value in values:
        print(json.dumps([name, value]), flush=True)


def run(
    words: list[str], folder: Path, seconds: float, *, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with data and cache in a folder.

    Raises:
        subprocess.CalledProcessError: it fails.
        subprocess.TimeoutExpired: it took longer; it is stopped.
    """
    variables = {**os.environ, "VR_DATA": str(folder / "datasets"), "VR_CACHE": str(folder / "cache")}
    root = str(Path(__file__).parents[2])
    variables["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        words,
        cwd=folder,
        env={**variables, **environment},
        capture_output=True,
        text=True,
        check=check,
        timeout=seconds,
    )


def _parsed(text: str | bytes) -> Values:
    """The lines that hold a value; the output of a stopped command is bytes."""
    for line in (text.decode() if isinstance(text, bytes) else text).splitlines():
        with contextlib.suppress(ValueError, TypeError):  # other lines, and half of one
            name, value = json.loads(line)
            yield name, value
