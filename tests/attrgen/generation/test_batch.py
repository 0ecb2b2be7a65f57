"""Several sets in one command: built at the same time, with the files of builds one after the other."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.generation import report
from attrgen.llm import cache, spending
from attrgen.schema import attribute_set

Attrgen = Callable[..., Any]
Cards = Callable[[int], list[str]]


@pytest.fixture
def cards(card_file: Path) -> Cards:
    """Writes so many cards; gives the words that name them. A set has 6 lists; no two requests are equal."""

    def write(number: int) -> list[str]:
        for index in range(number):
            write_card(card_file, f"set{index}", f"modality {index}")
        return [word for index in range(number) for word in ("--dataset", f"set{index}.toml")]

    return write


def write_card(model: Path, name: str, modality: str, file: str | None = None) -> None:
    text = model.read_text().replace('name = "lumps"', f'name = "{name}"', 1)
    path = model.with_name(file or f"{name}.toml")
    path.write_text(re.sub(r'modality = ".*"', f'modality = "{modality}"', text))


@pytest.fixture
def build(attrgen: Attrgen, server: Any) -> Callable[..., Any]:
    def run(*words: object) -> Any:
        given = ("--kinds", "descriptive,distinctive", "--descriptive", 3, "--distinctive", 2, "--model", "m")
        return attrgen("build", "--base-url", server.url, *given, *words)

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def set_of(received: Any) -> int:
    """The number of the set that a request is made for."""
    match = re.search(r"expert reader of modality (\d)", received.prompt)
    assert match is not None
    return int(match[1])


HOLD = """
import sys
from pathlib import Path
from attrgen.core.locks import locked_file
with locked_file(Path(sys.argv[1]), purpose="build"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def built_elsewhere(path: Path) -> Iterator[Callable[[], None]]:
    """Another process that seems to build a set, until the function that is given is called."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.stdin.close


def test_the_files_are_those_of_builds_one_after_the_other(
    build: Any, server: Any, scripts: ModuleType, cards: Cards, tmp_path: Path
) -> None:
    def script(received: Any) -> Any:
        """By the request alone: slow, without one text, with a bad text, or refused."""
        kind = int(scripts.hashlib.sha256(received.prompt.encode()).hexdigest(), 16) % 6
        reply = scripts.normal(received)
        if kind in (0, 1) and len(received.body["messages"]) < 4 and "enum" not in str(received.body):
            texts = scripts.texts(received.question, received.count)
            texts[0:1] = ["an area that should be biopsied"] if kind else []
            reply = scripts.Reply(scripts.completion(json.dumps({"attributes": texts})))
        return scripts.Reply(reply.body, delay=0.04 if kind == 2 else 0.0)

    server.script = script
    named = cards(4)
    words = ("--kinds", "descriptive,distinctive,confusion", "--confusers", 1)  # the LLM names the confusers
    for number in range(4):
        ran = build(*named[2 * number : 2 * number + 2], *words, "--cache", "another")
        assert ran.status == 0, ran.err
    asked = len(server.received)
    (tmp_path / "attrs").rename(tmp_path / "sequential")
    ran = build(*named, *words, "--concurrency", 8)
    assert ran.status == 0, ran.err
    assert len(server.received) == 2 * asked
    assert files(tmp_path / "attrs") == files(tmp_path / "sequential") and len(files(tmp_path / "attrs")) == 4


def test_the_bound_is_of_all_sets_and_is_used_by_all(
    build: Any, server: Any, scripts: ModuleType, cards: Cards
) -> None:
    server.latency = 0.1
    at_once: list[set[int]] = []
    recent: list[Any] = []

    def script(received: Any) -> Any:
        recent.append(received)
        at_once.append({set_of(item) for item in recent[-received.active :]})
        return scripts.normal(received)

    server.script = script
    ran = build(*cards(5), "--concurrency", 8)
    assert ran.status == 0, ran.err
    assert server.most == 8  # no set alone has so many lists
    assert max(map(len, at_once)) > 1


def test_a_rate_limit_of_one_set_stops_all(
    build: Any, server: Any, scripts: ModuleType, cards: Cards
) -> None:
    refused: list[float] = []

    def script(received: Any) -> Any:
        if received.number == 12:
            refused.append(received.moment)
            return scripts.error(429, headers={"Retry-After": "1"})
        return scripts.Reply(scripts.normal(received).body, delay=0.05)

    server.script = script
    ran = build(*cards(4), "--concurrency", 4)
    assert ran.status == 0, ran.err
    late = [item.moment - refused[0] for item in server.received if item.number > 12]
    assert not [moment for moment in late if 0.2 < moment < 0.95]  # earlier ones were on their way
    assert re.search(r"^set\d: 429, too many requests", ran.err, re.MULTILINE)


def test_one_budget_is_never_passed(
    build: Any,
    server: Any,
    scripts: ModuleType,
    cards: Cards,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    spent: list[int] = []
    count = spending.Ledger.count

    def counted(self: Any, *arguments: Any, **options: Any) -> None:
        count(self, *arguments, **options)
        spent.append(self.usage.total)

    monkeypatch.setattr(spending.Ledger, "count", counted)
    server.latency = 0.02
    named = cards(4)
    ran = build(*named, "--concurrency", 8, "--max-tokens-total", 3000)
    assert ran.status == 2 and ran.code == "spending-limit"
    assert ran.err.count("[spending-limit]") == 1
    answered = len(server.succeeded)
    assert 8 < answered < 24 and 150 * answered == max(spent) <= 3000
    done = [attribute_set.load(path) for path in (tmp_path / "attrs").glob("*.json")]
    assert sum(1 for item in done for _ in item.entries()) > 0
    assert f"All sets: {answered} answers, {150 * answered} tokens" in ran.out
    ran = build(*named)
    assert ran.status == 0 and len(server.succeeded) == 24  # what was paid is saved


def test_each_summary_counts_its_own_set(build: Any, cards: Cards) -> None:
    ran = build(*cards(3))
    assert ran.out.count("6 lists by LLM: 6 answers, 0 from the cache.\n900 tokens") == 3
    assert "All sets: 18 answers, 2700 tokens" in ran.out
    assert all(f"set{number}.toml:\n" in ran.out for number in range(3))


def test_equal_requests_of_two_sets_are_asked_once(
    build: Any, server: Any, card_file: Path, tmp_path: Path
) -> None:
    server.latency = 0.05
    for name in ("one", "two"):
        write_card(card_file, name, "the same")
    ran = build("--dataset", "one.toml", "--dataset", "two.toml", "--concurrency", 8)
    assert ran.status == 0, ran.err
    assert len(server.received) == 6
    one, two = (attribute_set.load(tmp_path / "attrs" / f"{name}.json") for name in ("one", "two"))
    assert one.classes == two.classes


def test_two_cards_of_one_name_fill_one_set_one_after_the_other(
    build: Any, server: Any, card_file: Path, tmp_path: Path
) -> None:
    server.latency = 0.02
    for number in range(2):
        write_card(card_file, "same", f"modality {number}", f"card{number}.toml")
    ran = build("--dataset", "card0.toml", "--dataset", "card1.toml", "--concurrency", 8)
    assert ran.status == 0, ran.err
    assert "Nothing is missing" in ran.out and len(server.received) == 6
    assert {set_of(item) for item in server.received} == {0}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_kill_save_all_sets(
    number: signal.Signals,
    status: int,
    build: Any,
    server: Any,
    scripts: ModuleType,
    cards: Cards,
    tmp_path: Path,
) -> None:
    def script(received: Any) -> Any:
        if received.number == 16:
            threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
        return scripts.normal(received) if received.number < 16 else scripts.Reply("", delay=30)

    server.script = script
    named = cards(4)
    ran = build(*named, "--concurrency", 4)
    assert ran.status == status and "Interrupted" in ran.out and "Traceback" not in ran.err
    saved = [attribute_set.load(path) for path in (tmp_path / "attrs").glob("*.json")]
    assert sum(1 for item in saved for _ in item.entries()) == 8 * 3 + 8 * 2
    assert not list((tmp_path / "attrs").glob(".*"))  # no lock stays
    server.script = scripts.normal
    asked = len(server.received)
    assert build(*named).status == 0 and len(server.received) == asked + 8


def test_errors_of_sets_are_told_together_and_the_others_are_built(
    build: Any, server: Any, scripts: ModuleType, cards: Cards, tmp_path: Path
) -> None:
    """One set is refused by the model, another one's file is damaged while it is built."""
    named = cards(4)

    def script(received: Any) -> Any:
        if set_of(received) == 1:
            return scripts.Reply(scripts.completion(None, refusal="no"))
        if set_of(received) == 2:
            (tmp_path / "attrs" / "set2.json").write_text("{")
        return scripts.normal(received)

    server.script = script
    ran = build(*named)
    assert ran.status == 2 and "Traceback" not in ran.err
    assert [re.findall(r"\[([a-z-]+)\]$", line) for line in ran.err.splitlines() if line.endswith("]")] == [
        ["build-incomplete"],
        ["build-changed-meanwhile"],
    ]
    assert "set1.json" in ran.err and (tmp_path / "attrs" / "set2.json").read_text() == "{"
    for name in ("set0", "set3"):
        assert len(list(attribute_set.load(tmp_path / "attrs" / f"{name}.json").entries())) == 3 * 5


def test_a_rejected_key_ends_all_sets_with_one_error(
    build: Any, server: Any, scripts: ModuleType, cards: Cards
) -> None:
    server.script = lambda _: scripts.error(401)
    ran = build(*cards(4), "--concurrency", 8)
    assert ran.code == "server-key-rejected" and ran.err.count("[server-key-rejected]") == 1
    assert len(server.received) == 1


def test_answers_that_cannot_be_saved_are_not_asked_for(
    build: Any, server: Any, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any, entry: Any) -> str:
        raise UserError("the cache cannot be used: database or disk is full", code="cache-unusable")

    monkeypatch.setattr(cache.Cache, "put", full)
    server.latency = 0.02
    ran = build(*cards(4), "--concurrency", 4)
    assert ran.code == "cache-unusable" and ran.err.count("[cache-unusable]") == 1
    assert len(server.received) <= 4  # those that were sent before the first answer was to be saved


def test_a_set_that_another_process_builds_does_not_block_the_others(
    build: Any, server: Any, scripts: ModuleType, cards: Cards, tmp_path: Path
) -> None:
    """With `--concurrency 1` one set is built at a time."""
    named = cards(3)
    with built_elsewhere(tmp_path / "attrs" / "set0.json") as release:

        def script(received: Any) -> Any:
            if received.number == 11:  # the last list of the two sets that are free
                threading.Timer(0.3, release).start()
            return scripts.normal(received)

        server.script = script
        ran = build(*named, "--concurrency", 1)
    assert ran.status == 0, ran.err
    assert {set_of(item) for item in server.received[:12]} == {1, 2}
    assert {set_of(item) for item in server.received[12:]} == {0} and len(server.received) == 18
    assert ran.err.count("set0.json: is in use by") == 1


def test_two_commands_with_the_same_sets_in_opposite_order_end(
    server: Any, cards: Cards, tmp_path: Path
) -> None:
    server.latency = 0.05
    named = cards(3)
    back = [word for number in (2, 1, 0) for word in named[2 * number : 2 * number + 2]]
    program = [sys.executable, "-c", "from attrgen import cli; cli.main()", "build", "--base-url", server.url]
    options = ["--kinds", "descriptive", "--model", "m", "--concurrency", "2"]
    running = [
        subprocess.Popen([*program, *options, *words], cwd=tmp_path, stdout=subprocess.DEVNULL)
        for words in (named, back)
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert len(server.received) == 9  # no list twice
    assert len(files(tmp_path / "attrs")) == 3


class Terminal:
    """A terminal that keeps what is written to it."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        return

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines as a person sees them in the end."""
        lines, row, column = [""], 0, 0
        for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.text):
            if token == "\r":
                column = 0
            elif token == "\n":
                row, column = row + 1, 0
                lines += [""] if row == len(lines) else []
            elif token.endswith("A") and token.startswith("\x1b"):
                row -= int(token[2:-1])
            elif token == "\x1b[2K":
                lines[row] = ""
            elif not token.startswith("\x1b"):
                lines[row] = lines[row][:column].ljust(column) + token + lines[row][column + len(token) :]
                column += len(token)
        return [line.rstrip() for line in lines if line.strip()]


def test_the_bars_name_the_sets_and_no_summary_is_drawn_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERM", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    with report.Progress() as progress:
        for name in ("[kidney]", "retina", "skin"):
            progress.update(name, 1, 4)
        time.sleep(0.3)  # the bars are drawn several times per second
        shown = terminal.screen()
        progress.end("[kidney]", "kidney is\ndone")
        time.sleep(0.3)
        progress.end("retina", "retina is\ndone")
        progress.note("a note")
        progress.end("skin", "skin is\ndone")
    assert [line.split()[0] for line in shown] == ["[kidney]", "retina", "skin"] and "1/4" in shown[0]
    assert terminal.screen() == ["kidney is", "done", "retina is", "done", "a note", "skin is", "done"]


def test_summaries_go_to_stdout_though_there_are_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with report.Progress() as progress:
        progress.update("kidney", 1, 4)
        progress.end("kidney", "kidney is done")
    assert capsys.readouterr().out == "kidney is done\n"
    assert "kidney is done" not in terminal.text
