"""The same command, run again, gets further: what is short, and what failed the checks, is asked for anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Attrgen = Callable[..., Any]
BAD = "the patient should be referred for further evaluation and biopsy"


@pytest.fixture
def build(attrgen: Attrgen, server: Any, card_file: Path) -> Callable[..., Any]:
    def run(*words: object) -> Any:
        given = ("--dataset", card_file, "--kinds", "descriptive", "--descriptive", 4, "--model", "m")
        return attrgen("build", *given, "--base-url", server.url, *words)

    return run


def texts() -> dict[str, list[str]]:
    classes = json.loads(Path("attrs/lumps.json").read_text())["classes"]
    return {name: kinds["descriptive"] for name, kinds in classes.items() if "descriptive" in kinds}


def test_texts_that_fail_the_checks_are_not_replayed_for_ever(
    build: Any, server: Any, scripts: ModuleType
) -> None:
    def bad(received: Any) -> Any:
        strings = [f"{BAD} {received.number} {i}" for i in range(received.count)]
        return scripts.Reply(scripts.completion(json.dumps({"attributes": strings})))

    server.script = lambda r: bad(r) if 'class "spiky lump" looks' in r.question else scripts.normal(r)
    first = build()
    assert (
        first.status == 2
        and first.code == "build-incomplete"
        and set(texts()) == {"smooth lump", "plain tissue"}
    )
    assert (
        "--refresh 'spiky lump/descriptive'" in first.err
        and "--model" in first.err
        and "--offline" in first.err
    )
    asked = len(server.received)
    assert build("--rounds", 1).code == "build-incomplete"
    assert len(server.received) == asked + 1  # asked anew, with the reason
    assert "biopsy" in server.received[-1].prompt
    server.script = scripts.normal
    assert build().status == 0 and len(texts()["spiky lump"]) == 4


def test_a_short_list_is_completed_by_the_same_command(build: Any, server: Any, scripts: ModuleType) -> None:
    def short(received: Any) -> Any:
        strings = scripts.texts(received.question, 3)
        return scripts.Reply(scripts.completion(json.dumps({"attributes": strings})))

    server.script = short
    ran = build()
    assert ran.status == 0 and [len(items) for items in texts().values()] == [3, 3, 3]
    assert "3 lists are shorter than asked for" in ran.out
    before = texts()
    edited = Path("attrs/lumps.json").read_text().replace(before["spiky lump"][0], "words of my own")
    Path("attrs/lumps.json").write_text(edited)
    server.script = scripts.normal
    asked = len(server.received)
    ran = build()
    assert ran.status == 0 and "shorter" not in ran.out
    assert len(server.received) == asked + 3 and all(r.count == 1 for r in server.received[asked:])
    after = texts()
    assert after["spiky lump"][:3] == ["words of my own", *before["spiky lump"][1:]]
    assert after["smooth lump"][:3] == before["smooth lump"]
    assert [len(items) for items in after.values()] == [4, 4, 4]
    assert build().status == 0 and len(server.received) == asked + 3


def test_a_short_list_stays_short_where_nobody_can_be_asked(
    attrgen: Attrgen, build: Any, server: Any, scripts: ModuleType, card_file: Path
) -> None:
    server.script = lambda r: scripts.Reply(
        scripts.completion(json.dumps({"attributes": scripts.texts(r.question, 3)}))
    )
    build()
    before = Path("attrs/lumps.json").read_bytes()
    assert build("--offline").status == 0
    assert Path("attrs/lumps.json").read_bytes() == before


def test_refresh_all(build: Any, server: Any) -> None:
    build()
    asked = len(server.received)
    assert build("--refresh", "all").status == 0
    assert len(server.received) == asked + 3


def test_answers_of_two_servers_are_told_apart(
    attrgen: Attrgen, build: Any, server: Any, scripts: ModuleType, card_file: Path
) -> None:
    build()
    with scripts.Server() as other:
        assert build("--base-url", other.url, "--out", "other.json").status == 0
        assert len(other.received) == 3
        assert build("--base-url", other.url, "--out", "again.json").status == 0
        assert len(other.received) == 3
    ran = attrgen(
        "build",
        "--dataset",
        card_file,
        "--kinds",
        "descriptive",
        "--descriptive",
        4,
        "--model",
        "m",
        "--offline",
        "--out",
        "offline.json",
    )
    assert ran.status == 0  # where nobody is asked, any server's answer will do


def test_further_fields_of_the_body_are_sent_and_part_of_the_key(build: Any, server: Any) -> None:
    words = ("--extra-body", '{"top_p": 0.9}', "--reasoning-effort", "low")
    assert build(*words).status == 0
    assert all(r.body["top_p"] == 0.9 and r.body["reasoning_effort"] == "low" for r in server.received)
    assert build(*words, "--out", "again.json").status == 0 and len(server.received) == 3
    assert build("--out", "other.json").status == 0 and len(server.received) == 6
    run = json.loads(Path("attrs/lumps.json").read_text())["provenance"]["runs"][0]
    assert run["extra_body"] == {"top_p": 0.9, "reasoning_effort": "low"}


@pytest.mark.parametrize("words", ["[]", "{", '{"model": "x"}', '{"stream": true}'])
def test_a_body_that_cannot_be_sent(build: Any, server: Any, words: str) -> None:
    assert build("--extra-body", words).code == "option-extra-body" and not server.received


def test_tokens_that_are_not_counted_are_estimated_and_limited(
    build: Any, server: Any, scripts: ModuleType
) -> None:
    def script(received: Any) -> Any:
        value = json.loads(scripts.completion(scripts.answer(received)))
        del value["usage"]
        return scripts.Reply(json.dumps(value))

    server.script = script
    ran = build("--max-tokens-total", 1000)
    assert ran.code == "spending-limit" and 0 < len(server.received) < 3
    assert "are estimated" in ran.out
    assert build().status == 0
    run = json.loads(Path("attrs/lumps.json").read_text())["provenance"]["runs"][0]
    usage = run["usage"]
    assert usage["estimated"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_the_cache_shows_what_the_model_really_wrote(
    attrgen: Attrgen, build: Any, server: Any, scripts: ModuleType
) -> None:
    server.script = lambda r: scripts.Reply(scripts.completion(f"<think>hm</think>Sure: {scripts.answer(r)}"))
    build()
    key = attrgen("cache", "list").out.splitlines()[0].split()[0]
    entry = json.loads(attrgen("cache", "show", key).out)
    assert entry["answer"]["raw"][0].startswith("<think>hm</think>Sure: ")
    assert entry["answer"]["origin"]["server"] == "local"


def test_offline_takes_the_library_where_the_cache_has_only_bad_texts(
    attrgen: Attrgen, server: Any, scripts: ModuleType
) -> None:
    def bad(received: Any) -> Any:
        strings = [f"{BAD} {received.number} {i}" for i in range(received.count)]
        return scripts.Reply(scripts.completion(json.dumps({"attributes": strings})))

    server.script = bad
    words = (
        "build",
        "--dataset",
        "ct-kidney",
        "--kinds",
        "descriptive",
        "--model",
        "m",
        "--base-url",
        server.url,
    )
    first = attrgen(*words)
    assert first.code == "build-incomplete" and not Path("attrs/ct-kidney.json").exists()
    assert first.err.count("none of its texts passes the checks") == 1  # the others are named only
    assert attrgen(*words, "--offline").status == 0
    record = json.loads(Path("attrs/ct-kidney.json").read_text())["provenance"]
    assert {run["source"] for run in record["runs"]} == {"curated"}
