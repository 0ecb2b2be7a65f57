"""The commands as a user types them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from attrgen.schema import attribute_set

SECRET = "sk-very-secret-0123456789"
Attrgen = Callable[..., Any]


def test_offline_the_library_is_copied_and_that_is_said(attrgen: Attrgen, tmp_path: Path) -> None:
    ran = attrgen("build", "--dataset", "ct-kidney")
    assert ran.status == 0
    assert (
        "No LLM was asked" in ran.out
        and "20 lists copied from the curated library (ct-kidney.json)" in ran.out
    )
    built = attribute_set.load(tmp_path / "attrs" / "ct-kidney.json")
    assert built.provenance["source"] == "curated"
    again = attrgen("build", "--dataset", "ct-kidney")
    assert again.status == 0 and "Nothing is missing" in again.out


def test_offline_fills_only_what_is_missing(attrgen: Attrgen, tmp_path: Path) -> None:
    path = tmp_path / "attrs" / "ct-kidney.json"
    attrgen("build", "--dataset", "ct-kidney")
    whole = path.read_text()
    value = json.loads(whole)
    del value["classes"]["kidney stone"]["descriptive"]
    value["classes"]["kidney cyst"]["descriptive"][0] = "my own line"
    path.write_text(json.dumps(value))
    ran = attrgen("build", "--dataset", "ct-kidney")
    assert "1 lists copied" in ran.out
    value = json.loads(path.read_text())
    assert value["classes"]["kidney cyst"]["descriptive"][0] == "my own line"
    value["classes"]["kidney cyst"]["descriptive"][0] = json.loads(whole)["classes"]["kidney cyst"][
        "descriptive"
    ][0]
    assert value == json.loads(whole)


def test_no_key_and_no_library(attrgen: Attrgen, card_file: Path, tmp_path: Path) -> None:
    ran = attrgen("build", "--dataset", card_file)
    assert ran.status == 2 and ran.code == "build-no-server"
    assert "OPENAI_API_KEY" in ran.err and "--base-url" in ran.err
    assert not (tmp_path / "attrs").exists()


def test_what_the_library_lacks_is_told(attrgen: Attrgen) -> None:
    ran = attrgen("build", "--dataset", "ct-kidney", "--kinds", "descriptive,ensemble")
    assert ran.status == 2 and ran.code == "build-incomplete"
    classes = ("kidney cyst", "kidney stone", "kidney tumor", "normal kidney")
    assert all(f"{name}/ensemble" in ran.err for name in classes)
    assert ran.err.count("/ensemble: ") == 1  # the reason that all of them have is given once


def test_a_base_url_is_enough_to_ask(attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path) -> None:
    words = ("build", "--dataset", card_file, "--base-url", server.url, "--model", "tiny")
    ran = attrgen(*words)
    assert ran.status == 0, ran.err
    assert "12 lists by LLM: 12 answers, 0 from the cache" in ran.out
    assert "1800 tokens (1200 prompt, 600 completion)" in ran.out
    assert "by kind: confusion 900, descriptive 450, distinctive 450" in ran.out
    assert {received.body["model"] for received in server.received} == {"tiny"}
    first = (tmp_path / "attrs" / "lumps.json").read_bytes()
    (tmp_path / "attrs" / "lumps.json").unlink()
    ran = attrgen(*words)
    assert "0 answers, 12 from the cache" in ran.out
    assert len(server.received) == 12
    assert (tmp_path / "attrs" / "lumps.json").read_bytes() == first


def test_the_key_is_sent_and_never_told(
    attrgen: Attrgen,
    server: Any,
    scripts: ModuleType,
    card_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    server.script = lambda _: scripts.error(401, f"Incorrect API key provided: {SECRET}")
    ran = attrgen("build", "--dataset", card_file)
    assert ran.status == 2 and ran.code == "server-key-rejected"
    assert server.received[0].headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in ran.out + ran.err
    server.script = scripts.normal
    assert attrgen("build", "--dataset", card_file).status == 0
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_offline_asks_nobody_even_with_a_server(attrgen: Attrgen, server: Any) -> None:
    ran = attrgen("build", "--dataset", "ct-kidney", "--offline", "--base-url", server.url)
    assert ran.status == 0 and "curated library" in ran.out and not server.received


def test_dry_run_shows_prompts_and_calls(
    attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path
) -> None:
    ran = attrgen("build", "--dataset", card_file, "--base-url", server.url, "--dry-run", "--model", "tiny")
    assert ran.status == 0
    assert "12 calls of tiny" in ran.out and server.url in ran.out
    assert ran.out.count("--- ") == 13  # the system message once
    assert 'an image that shows "spiky lump" and at first glance looks like "smooth lump"' in ran.out
    assert not server.received and not (tmp_path / "attrs").exists()


def test_dry_run_shows_the_cost_of_the_default_model(attrgen: Attrgen, server: Any, card_file: Path) -> None:
    words = ("build", "--dataset", card_file, "--base-url", server.url, "--dry-run")
    prices = Path(__file__).parents[3] / "data" / "prices.toml"
    tokens, cost = re.findall(r"about ([\d.]+) ", attrgen(*words, "--prices", prices).out)
    assert 0.75 * int(tokens) < 1e6 * float(cost) < 4.5 * int(tokens)
    assert "not known" in attrgen(*words, "--prices", prices, "--model", "another").out


def test_a_limit_of_tokens_saves_what_is_done(
    attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path
) -> None:
    words = ("build", "--dataset", card_file, "--base-url", server.url, "--concurrency", 1)
    ran = attrgen(*words, "--max-tokens-total", 2000)
    assert ran.status == 2 and ran.code == "spending-limit" and "--max-tokens-total 2000" in ran.err
    done = sum(1 for _ in attribute_set.load(tmp_path / "attrs" / "lumps.json").entries())
    assert done > 0
    assert attrgen(*words).status == 0
    assert len(server.received) == 12


def test_the_cost_is_told_and_limited(attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text("[models.tiny]\ninput = 1000\noutput = 2000\n")
    words = ("build", "--dataset", card_file, "--base-url", server.url, "--model", "tiny")
    limited = attrgen(
        *words, "--prices", prices, "--max-cost", 0.5, "--out", "limited.json", "--concurrency", 1
    )
    assert limited.status == 2 and limited.code == "spending-limit" and "--max-cost 0.5" in limited.err
    assert "cost 2.4000" in attrgen(*words, "--prices", prices, "--cache", "other").out
    ran = attrgen(*words[:-1], "unknown", "--max-cost", 1)
    assert ran.status == 2 and ran.code == "option-unknown-price"


def test_the_summary_says_what_was_retried_and_what_it_cost(
    attrgen: Attrgen, server: Any, scripts: ModuleType, card_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "prices.toml").write_text("[models.tiny]\ninput = 1000\noutput = 2000\n")
    ways = [
        lambda r: scripts.error(429, headers={"Retry-After-Ms": "20"}),
        lambda r: scripts.Reply(scripts.completion('{"attributes": ["cut')),
        lambda r: scripts.Reply(scripts.completion(None, refusal="no")),
    ]
    server.script = lambda r: ways[r.number // 4](r) if r.number % 4 == 3 else scripts.normal(r)
    words = ("build", "--dataset", card_file, "--base-url", server.url, "--model", "tiny")
    ran = attrgen(*words, "--prices", "prices.toml", "--concurrency", 1)
    assert ran.status == 0, ran.err
    asked = len(server.received)
    assert asked == 12 + 3
    assert "retried: 429, too many requests ×1, invalid answer ×1, refused ×1" in ran.out
    # 100 and 50 tokens each; the 429 has none, and two answers could not be used
    assert "2100 tokens (1400 prompt, 700 completion), 300 of them in answers" in ran.out
    assert "cost 2.8000" in ran.out


def test_what_failed_the_checks_to_the_end_is_told(
    attrgen: Attrgen, server: Any, scripts: ModuleType, card_file: Path
) -> None:
    bad = "a dark area that should be biopsied"

    def script(received: Any) -> Any:
        texts = [*scripts.texts(received.question, received.count)[1:], bad]
        return scripts.Reply(scripts.completion(json.dumps({"attributes": texts})))

    server.script = script
    words = ("build", "--dataset", card_file, "--base-url", server.url, "--kinds", "descriptive")
    ran = attrgen(*words, "--rounds", 1)
    assert ran.status == 0, ran.err
    assert "3 texts failed the checks to the end and were left out" in ran.out
    assert f"spiky lump/descriptive: '{bad}': speaks of advice" in ran.out
    assert attrgen("check", "attrs/lumps.json", "--dataset", card_file).status == 0


def test_a_cache_export_rebuilds_the_set_elsewhere_byte_for_byte(
    attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ("--model", "tiny", "--temperature", 0.5, "--confusers", 1)  # the LLM names the confusers
    attrgen("build", "--dataset", card_file, "--base-url", server.url, *model)
    asked = len(server.received)

    def closed(*_: object) -> None:
        raise AssertionError("the network is closed")

    monkeypatch.setattr(socket.socket, "connect", closed)
    monkeypatch.setattr(socket, "getaddrinfo", closed)
    first = (tmp_path / "attrs" / "lumps.json").read_bytes()
    assert "12 answers" in attrgen("cache", "export", "share.jsonl").out
    elsewhere = ("--cache", "elsewhere")
    assert "12 answers added" in attrgen("cache", "import", "share.jsonl", *elsewhere).out
    for reach in ((), ("--base-url", server.url)):
        (tmp_path / "rebuilt.json").unlink(missing_ok=True)
        words = ("build", "--dataset", card_file, "--out", "rebuilt.json", *model, *elsewhere, *reach)
        ran = attrgen(*words)
        assert ran.status == 0, ran.err
        assert (tmp_path / "rebuilt.json").read_bytes() == first
    assert len(server.received) == asked
    assert server.url not in (tmp_path / "share.jsonl").read_text()


def test_ctrl_c_saves_what_is_done_and_says_so(
    attrgen: Attrgen, server: Any, scripts: ModuleType, card_file: Path, tmp_path: Path
) -> None:
    def until(last: int) -> Callable[[Any], Any]:
        """Answer the requests before `last`, press Ctrl-C once at that one, and keep the rest waiting."""

        def script(received: Any) -> Any:
            if received.number == last:
                threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
            return scripts.normal(received) if received.number < last else scripts.Reply("", delay=30)

        return script

    words = ("build", "--dataset", card_file, "--base-url", server.url)
    server.script = until(0)
    ran = attrgen(*words)
    assert ran.status == 130 and "Interrupted" in ran.out and "Nothing is missing" not in ran.out
    assert not (tmp_path / "attrs").exists()
    server.script = until(len(server.received) + 4)
    ran = attrgen(*words)
    assert ran.status == 130 and "Interrupted" in ran.out and "Traceback" not in ran.err
    saved = attribute_set.load(tmp_path / "attrs" / "lumps.json")
    assert 1 <= saved.provenance["runs"][0]["usage"]["prompt_tokens"] / 100 <= 4
    server.script = scripts.normal
    asked = len(server.received)
    assert attrgen(*words).status == 0
    assert 8 <= len(server.received) - asked < 12


def test_a_hundred_classes_do_not_make_9900_calls_unless_told(attrgen: Attrgen, tmp_path: Path) -> None:
    for number in range(100):
        folder = tmp_path / "images" / f"kind_{number:02}"
        folder.mkdir(parents=True)
        (folder / "1.png").touch()
    words = ("build", "--dataset", "images", "--dry-run")
    ran = attrgen(*words)
    assert "300 calls of" in ran.out and "300 calls for their confusion lists follow" in ran.out
    assert "200 calls for their confusion lists follow" in attrgen(*words, "--confusers", 2).out
    assert "10100 calls of" in attrgen(*words, "--confusers", "all").out


def test_a_dry_run_counts_lists_whose_confusers_are_not_known_yet(attrgen: Attrgen, tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / "images" / f"kind_{number:02}"
        folder.mkdir(parents=True)
        (folder / "1.png").touch()
    prices = Path(__file__).parents[3] / "data" / "prices.toml"
    words = ("build", "--dataset", "images", "--dry-run", "--prices", prices, "--kinds", "confusion")
    open_, named = attrgen(*words).out, attrgen(*words, "--confusers", "all").out
    tokens = [int(number) for number in re.findall(r"about (\d+) tokens", open_)]
    (each,) = re.findall(r"^132 calls of .* about (\d+) tokens", named, re.MULTILINE)
    assert len(tokens) == 2  # of the calls that are known, and of all
    assert tokens[1] - tokens[0] == pytest.approx(int(each) / 132 * 12 * 3, rel=0.02)
    costs = [float(cost) for cost in re.findall(r"about ([\d.]+) by the price list", open_)]
    assert costs[1] > costs[0] > 0


def test_confusers_of_a_run(attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path) -> None:
    table = "path,label,predicted,smooth lump,spiky lump,plain tissue\n"
    table += "a.png,smooth lump,plain tissue,0.1,0.2,0.3\nb.png,spiky lump,spiky lump,0.1,0.3,0.2\n"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "predictions.csv").write_text(table)
    ran = attrgen("build", "--dataset", card_file, "--base-url", server.url, "--from-run", "run")
    assert ran.status == 0, ran.err
    built = attribute_set.load(tmp_path / "attrs" / "lumps.json")
    confused = {name: list(value.confusion or {}) for name, value in built.classes.items()}
    assert confused == {"smooth lump": ["plain tissue"], "spiky lump": [], "plain tissue": []}


def test_cache_commands(attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path) -> None:
    attrgen("build", "--dataset", card_file, "--base-url", server.url)
    listed = attrgen("cache", "list").out.splitlines()
    assert len(listed) == 12 and all("lumps/" in line for line in listed)
    assert attrgen("cache", "list", "--dataset", "other").out == ""
    shown = json.loads(attrgen("cache", "show", listed[0].split()[0]).out)
    assert set(shown) == {"request", "answer", "about"}
    assert attrgen("cache", "verify") == (0, "12 answers, 0 not valid.\n", "")
    (tmp_path / "bad.jsonl").write_text('{"key": "x"}\n')
    ran = attrgen("cache", "import", "bad.jsonl")
    assert ran.status == 2 and "bad.jsonl:1" in ran.err
    assert attrgen("cache", "clear", "--yes", "--dataset", "other").out == "0 answers removed.\n"
    assert attrgen("cache", "clear", "--yes").out == "12 answers removed.\n"
    assert attrgen("cache", "list").out == ""


def test_prompts_commands(attrgen: Attrgen, tmp_path: Path) -> None:
    assert len(attrgen("prompts", "list").out.splitlines()) == 10
    assert attrgen("prompts", "show", "confusion").out.startswith("---\nversion: 2\nkind: confusion\n---\n")
    rendered = attrgen("prompts", "render", "distinctive", "--dataset", "busi", "--class", "malignant").out
    assert "--- system" in rendered and "malignant tumor" in rendered
    ran = attrgen("prompts", "show", "confusio")
    assert ran.status == 2 and "Did you mean 'confusion'" in ran.err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "confusion.j2").write_text("---\nversion: 2\nkind: confusion\n---\n{{ nothing }}\n")
    ran = attrgen("build", "--dataset", "busi", "--prompts", "mine", "--dry-run")
    assert ran.status == 2 and "'nothing' is undefined" in ran.err


def test_schema_is_the_schema_of_the_format(attrgen: Attrgen) -> None:
    assert json.loads(attrgen("schema").out) == attribute_set.json_schema()


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["--dataset", "ct-kidny"], None, "'ct-kidney'"),
        (["--dataset", "busi", "--kinds", "descriptiv"], "option-unknown-kind", "'descriptive'"),
        (["--dataset", "busi", "--kinds", ","], "option-kinds-empty", "ensemble"),
        (["--dataset", "busi", "--confusers", "0"], "option-confusers", "'0'"),
        (["--dataset", "busi", "--refresh", "wolf"], None, "'wolf'"),
        (["--dataset", "busi", "--from-run", "nowhere"], None, "nowhere"),
        (["--dataset", "busi", "--prompts", "nowhere"], "prompts-no-folder", "nowhere"),
        (["--dataset", "busi", "--out", "other.json"], "build-other-dataset", "other.json"),
        (["--dataset", "busi", "--out", "bad.json"], None, "bad.json:1"),
    ],
)
def test_bad_input(attrgen: Attrgen, tmp_path: Path, words: list[str], code: str | None, named: str) -> None:
    """`code` is None where another part of the program gives it."""
    (tmp_path / "other.json").write_text(
        '{"format": "attribute-set/1", "dataset": "other", "classes": {"a": {}}}'
    )
    (tmp_path / "bad.json").write_text("{")
    ran = attrgen("build", *words)
    assert ran.status == 2 and named in ran.err
    assert code is None or ran.code == code
    assert "Traceback" not in ran.err


def test_several_datasets_are_built_in_one_command(attrgen: Attrgen, card_file: Path, tmp_path: Path) -> None:
    """A set that cannot be built does not stop the others, and is reported in the end."""
    ran = attrgen("build", "--dataset", card_file, "--dataset", "ct-kidney", "--dataset", "busi")
    assert ran.status == 2 and ran.code == "build-no-server"
    assert {path.name for path in (tmp_path / "attrs").glob("*.json")} == {"ct-kidney.json", "busi.json"}
    refused = attrgen("build", "--dataset", "ct-kidney", "--dataset", "busi", "--out", "x.json")
    assert refused.status == 2 and refused.code == "build-out-of-several"


def test_several_datasets_share_one_budget(
    attrgen: Attrgen, server: Any, card_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "bumps.toml"
    card = card_file.read_text().replace('name = "lumps"', 'name = "bumps"', 1)
    other.write_text(re.sub(r'modality = ".*"', 'modality = "another modality"', card))
    words = ("build", "--base-url", server.url, "--concurrency", 1, "--dataset", card_file)
    assert attrgen(*words, "--dataset", other).status == 0
    sets = tmp_path / "attrs"
    assert {file.stem for file in sets.glob("*.json")} == {"lumps", "bumps"}
    assert len(server.received) == 24
    for file in sets.glob("*.json"):
        file.unlink()
    server.received.clear()
    limited = attrgen(*words, "--dataset", other, "--max-tokens-total", 3500, "--cache", tmp_path / "another")
    assert limited.status == 2 and limited.code == "spending-limit"
    assert 12 < len(server.received) < 24, "the second set has what the first left of the budget"
