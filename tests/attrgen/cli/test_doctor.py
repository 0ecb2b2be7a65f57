"""`attrgen doctor` and the log against scripted servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Attrgen = Callable[..., Any]
SECRET = "sk-very-secret-0123456789"


def actual(out: str) -> dict[str, str]:
    """The lines that it prints, by their first word."""
    return dict(line.split(None, 1) for line in out.splitlines())


def test_a_server_that_can_do_everything(attrgen: Attrgen, server: Any, tmp_path: Path) -> None:
    ran = attrgen("doctor", "--base-url", server.url, "--model", "m")
    lines = actual(ran.out)
    assert ran.status == 0 and len(server.received) <= 12
    assert lines["model"] == "m, answers as m-2026"
    assert lines["structured"] == "json_schema, kept to"
    assert lines["options"] == "temperature, seed, max_tokens, system message"
    assert lines["tokens"] == "counted" and lines["set"] == "nothing: the defaults are right"


def test_what_it_finds_out_is_used_by_the_next_build(
    attrgen: Attrgen, server: Any, scripts: ModuleType, card_file: Path
) -> None:
    def script(received: Any) -> Any:
        for name in ("temperature", "seed", "max_tokens"):
            if name in received.body:
                return scripts.error(400, f"Unsupported parameter: '{name}' is not supported")
        if received.body["messages"][0]["role"] == "system":
            return scripts.error(400, "System role not supported")
        if received.mode != "text":
            return scripts.error(400, "response_format is not supported")
        return scripts.normal(received)

    server.script = script
    ran = attrgen("doctor", "--base-url", server.url, "--model", "m")
    lines = actual(ran.out)
    assert ran.status == 0 and lines["structured"] == "text"
    assert lines["options"] == "no temperature, no seed, max_completion_tokens, no system message"
    asked = len(server.received)
    built = attrgen("build", "--dataset", card_file, "--base-url", server.url, "--model", "m", "--seed", 1)
    assert built.status == 0
    assert len(server.received) == asked + 3 * 2 + 6
    assert {received.mode for received in server.received[asked:]} == {"text"}
    (run,) = json.loads(Path("attrs/lumps.json").read_text())["provenance"]["runs"]
    assert run["structured"] == "text"
    assert run["sampling"] == dict.fromkeys(("temperature", "seed", "max_tokens"), "server default")


def test_a_server_that_ignores_the_schema(attrgen: Attrgen, server: Any, scripts: ModuleType) -> None:
    def script(received: Any) -> Any:
        asked = "JSON" in received.prompt
        return scripts.normal(received) if asked else scripts.Reply(scripts.completion("A lemon is yellow."))

    server.script = script
    ran = attrgen("doctor", "--base-url", server.url, "--model", "m")
    assert ran.status == 0 and "but ignored" in actual(ran.out)["structured"]


def test_a_server_without_use(attrgen: Attrgen, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.error(404, "The model `m` does not exist")
    ran = attrgen("doctor", "--base-url", server.url, "--model", "m")
    assert ran.status == 1 and "error" in actual(ran.out)


def test_no_server(attrgen: Attrgen) -> None:
    assert attrgen("doctor").code == "doctor-no-server"


def test_the_log_has_every_raw_answer_and_no_secret(
    attrgen: Attrgen,
    server: Any,
    scripts: ModuleType,
    card_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def script(received: Any) -> Any:
        if received.number == 0:
            return scripts.error(500, f"the key {SECRET} is fine, but I am not")
        return scripts.Reply(scripts.completion(f"{scripts.answer(received)} said {SECRET}", model=SECRET))

    server.script = script
    monkeypatch.setenv("OPENAI_API_KEY", f"{SECRET}\r\n")
    ran = attrgen(
        "build", "--dataset", card_file, "--base-url", server.url, "--model", "m", "--log", "logs/a.jsonl"
    )
    assert ran.status == 0
    lines = (tmp_path / "logs" / "a.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == len(server.received) == 13
    assert records[0]["status"] == 500 and records[1]["status"] == 200
    assert "said ***" in records[1]["response"] and records[1]["request"]["messages"]
    assert server.received[0].headers["authorization"] == f"Bearer {SECRET}"
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in ran.out + ran.err


def test_a_log_that_cannot_be_written(attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path) -> None:
    ran = attrgen("build", "--dataset", card_file, "--base-url", server.url, "--log", tmp_path)
    assert ran.code == "log-unwritable" and not server.received


def test_a_slow_server_is_left_after_the_time_limit(
    attrgen: Attrgen, server: Any, scripts: ModuleType
) -> None:
    server.script = lambda r: scripts.Reply("{}", delay=0 if r.path.endswith("/models") else 60)
    ran = attrgen("doctor", "--base-url", server.url, "--model", "m", "--time-limit", 1)
    assert ran.status == 1 and "--time-limit" in actual(ran.out)["error"]
