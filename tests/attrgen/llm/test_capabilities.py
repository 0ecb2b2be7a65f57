"""What error messages say about a server, and the memory of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attrgen.core.day import today
from attrgen.core.errors import UserError
from attrgen.llm.capabilities import Capabilities, Memory

START = Capabilities()
SENT = {"max_tokens": 9, "temperature": 0.5, "seed": 1, "response_format": {}}


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            {"token_limit": "max_completion_tokens"},
        ),
        ("Unsupported value: 'temperature' does not support 0.5 with this model.", {"temperature": False}),
        ("body.seed: Extra inputs are not permitted", {"seed": False}),
        ("System role not supported", {"system": False}),
        ("Developer instruction is not enabled for models/gemma-3", {"system": False}),
        ("Conversation roles must alternate user/assistant", {"system": False}),
        ("This model only support stream mode, please enable the stream parameter", {"stream": True}),
        ("Non-streaming requests are not supported", {"stream": True}),
        ("stream must be set to true", {"stream": True}),
        ("This response_format type is unavailable now", {"structured": "json_object"}),
        ("Invalid schema: minItems is not permitted", {"structured": "json_object"}),
        ("failed to parse grammar", {"structured": "json_object"}),
        ("bad request", {"structured": "json_object"}),
    ],
)
def test_what_a_message_changes(words: str, change: dict[str, Any]) -> None:
    changed = START.adapted(SENT, words, fixed=False, proven=False)
    assert changed == START.model_copy(update=change)


def test_an_unclear_message_changes_nothing_that_worked() -> None:
    assert START.adapted(SENT, "bad request", fixed=False, proven=True) is None
    assert START.adapted(SENT, "bad request", fixed=True, proven=False) is None
    assert START.adapted(SENT, "no response_format", fixed=True, proven=False) is None
    assert START.adapted(SENT, "no response_format", fixed=False, proven=True) == START.lower()


def test_options_that_were_not_sent_are_not_to_blame() -> None:
    words = "Unsupported parameter: temperature"
    assert START.adapted({"response_format": {}}, words, fixed=False, proven=False) == START.lower()


def test_the_ladder_ends() -> None:
    text = START.model_copy(update={"structured": "text"})
    assert text.lower() is None and text.adapted({}, "bad request", fixed=False, proven=False) is None
    longest = START.longer()
    while longest is not None and longest.longer() is not None:
        longest = longest.longer()
    assert longest is not None and longest.answer_tokens == 16384


def test_after_time_outs_answers_get_shorter_and_after_cuts_longer() -> None:
    first = Capabilities().shorter()
    assert first is not None and first.answer_tokens == 1024
    second = first.shorter()
    assert second is not None and second.answer_tokens == 512 and second.shorter() is None
    longer = second.longer()
    assert longer is not None and longer.answer_tokens == 4096 and longer.shorter() == first


def test_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764000000")
    memory = Memory(tmp_path)
    assert memory.get("s", "m") is None
    text = START.model_copy(update={"structured": "text", "seed": False})
    memory.put("s", "m", text)
    memory.put("s", "other", START)
    assert Memory(tmp_path).get("s", "m") == text and memory.get("s", "other") == START
    assert memory.get("t", "m") is None
    memory.forget("s", "m")
    assert memory.get("s", "m") is None and memory.get("s", "other") == START
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(1764000000 + 31 * 86400))
    assert memory.get("s", "other") is None  # servers are updated


ENTRY = '{"servers": {"s m": {"model": "m", "date": "%s", "capabilities": {}}}}'


@pytest.mark.parametrize("day", ["2025-11-24x", "2025-02-30", "24.11.2025", "0"])
def test_a_day_that_is_none(day: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764000000")
    (tmp_path / "servers.json").write_text(ENTRY % "2025-11-24")
    assert Memory(tmp_path).get("s", "m") is not None
    (tmp_path / "servers.json").write_text(ENTRY % day)
    assert Memory(tmp_path).get("s", "m") is None


@pytest.mark.parametrize("epoch", ["soon", "1e9", "²", "99999999999999999999", "-99999999999999"])
def test_a_build_date_that_is_none(epoch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(UserError) as caught:
        today()
    assert caught.value.code == "system-source-date-epoch"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"servers": {"s m": {"model": "m"}}}'])
def test_a_damaged_memory_is_forgotten(tmp_path: Path, content: str) -> None:
    (tmp_path / "servers.json").write_text(content)
    memory = Memory(tmp_path)
    assert memory.get("s", "m") is None
    memory.put("s", "m", START)
    assert memory.get("s", "m") == START
