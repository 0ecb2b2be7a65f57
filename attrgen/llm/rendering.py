"""Templates of users, rendered in a child process with a limit of time and memory.

A sandbox keeps a template from doing anything but writing text. It cannot keep it from writing for ever:
loops in loops, a width of a billion characters. The child process can be killed. It starts with the first
such template and ends with this process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from attrgen.llm.sandbox import Rendered

SECONDS = 10.0
_CHILD = Path(__file__).with_name("render_child.py")


class Renderer:
    """A child process that renders templates, one at a time."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def render(self, body: str, values: Mapping[str, Any]) -> Rendered:
        """As `attrgen.llm.sandbox.render`; a template that passes a limit is an error of it."""
        with self._lock:
            try:
                process = self._running()
            except OSError as error:
                return Rendered(error=f"a child process cannot be started: {error.strerror}")
            assert process.stdin is not None and process.stdout is not None
            late = threading.Timer(self._seconds, process.kill)
            late.start()
            answer = ""
            try:
                with suppress(OSError):  # it was killed
                    process.stdin.write(json.dumps([body, dict(values)]) + "\n")
                    process.stdin.flush()
                    answer = process.stdout.readline()
            finally:
                late.cancel()
            if answer.endswith("\n"):
                return Rendered(*json.loads(answer))
            self.close()
            return Rendered(error=f"it takes more than {self._seconds:g} seconds or 1 GiB of memory")

    def close(self) -> None:
        """End the child process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_CHILD)],  # -P: no module of the working folder is imported
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            )
        return self._process


@cache
def renderer() -> Renderer:
    """The renderer of this process."""
    return Renderer()
