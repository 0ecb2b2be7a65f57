"""A build killed with SIGKILL at any moment leaves the file absent or whole, and the next one finishes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from attrgen.schema import attribute_set

# One process with everything imported forks the builds, so that twenty of them take seconds.
DRIVER = """
import os, random, signal, sys, threading
from pathlib import Path
import attrgen.cli.parsing, attrgen.generation.build, attrgen.generation.report
import openai, rich.progress
from attrgen import cli
from attrgen.llm.cache import Cache

card, url, number = sys.argv[1:]
LISTS = 12

def kill_after(answers, seconds):
    # A moment counted in answers, so that it does not depend on the speed of the machine.
    put, count = Cache.put, 0
    def kill_soon():
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
    def counted(self, entry):
        nonlocal count
        key = put(self, entry)
        count += 1
        if count == answers:
            kill_soon()
        return key
    Cache.put = counted
    if answers == 0:
        kill_soon()

def build(name, kill=None):
    pid = os.fork()
    if pid == 0:
        sys.stdout = sys.stderr = open(os.devnull, "w")
        sys.argv = ["attrgen", "build", "--dataset", card, "--base-url", url, "--concurrency", "3",
                    "--out", f"{name}.json", "--cache", f"{name}.cache"]
        if kill:
            kill_after(*kill)
        cli.main()
        os._exit(0)
    return os.waitpid(pid, 0)[1]

assert build("undisturbed") == 0
draw = random.Random(1)
for number in range(int(number)):
    name = f"killed-{number}"
    build(name, kill=(draw.randint(0, LISTS), draw.uniform(0.0, 0.03)))
    path = Path(f"{name}.json")
    print("before", number, "whole" if path.exists() else "absent", flush=True)
    if path.exists():
        assert path.read_bytes() == Path("undisturbed.json").read_bytes()
    assert build(name) == 0
    assert path.read_bytes() == Path("undisturbed.json").read_bytes(), name
"""


def test_killed_at_twenty_moments(server: Any, card_file: Path, tmp_path: Path) -> None:
    server.latency = 0.02
    ran = subprocess.run(
        [sys.executable, "-c", DRIVER, str(card_file), server.url, "20"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("absent") >= 10  # the kills did come in the middle
    assert len(attribute_set.load(tmp_path / "undisturbed.json").classes) == 3
    # What the cache had when a build was killed was not asked again: at most the 3 in flight each time.
    assert len(server.received) <= 12 + 20 * (12 + 3)
    assert len(list(tmp_path.glob(".*.json*"))) <= 20
