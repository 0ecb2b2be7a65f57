"""Completions as servers send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attrgen.llm import reply
from attrgen.llm.errors import ErrorResponse
from attrgen.llm.reply import NoCompletion, Reply
from attrgen.llm.request import Usage


def body(message: dict[str, Any], finish: str | None = "stop", **fields: Any) -> str:
    return json.dumps({"choices": [{"message": message, "finish_reason": finish}], **fields})


def read(text: str) -> Reply:
    result = reply.read(text)
    assert isinstance(result, Reply)
    return result


@pytest.mark.parametrize(
    "message",
    [
        {"content": "yes"},
        {"content": [{"type": "text", "text": "y"}, {"type": "text", "text": "es"}]},
        {"content": [{"type": "thinking", "thinking": "no"}, {"type": "text", "text": "yes"}]},
        {"content": [{"type": "reasoning", "text": "no"}, "yes"]},
        {"content": {"text": "yes"}},
        {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "yes"}}]},
        {"content": "yes", "reasoning_content": "no"},
    ],
)
def test_content(message: dict[str, Any]) -> None:
    assert read(body(message)).content == "yes"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_thoughts_in_a_field_of_their_own(name: str) -> None:
    result = read(body({"content": None, name: "hm"}))
    assert result.content == "" and result.reasoning == "hm"


@pytest.mark.parametrize(
    ("finish", "cut", "refused"),
    [("stop", False, False), ("length", True, False), ("content_filter", False, True), (None, False, False)],
)
def test_why_it_ended(finish: str | None, cut: bool, refused: bool) -> None:
    result = read(body({"content": "x"}, finish))
    assert result.cut is cut and (result.refusal is not None) is refused


def test_tokens_model_and_fingerprint() -> None:
    usage = {"input_tokens": 3, "output_tokens": 4}
    result = read(body({"content": "x"}, model="m-1", system_fingerprint="fp", usage=usage))
    assert result.usage == Usage(prompt_tokens=3, completion_tokens=4)
    assert result.model == "m-1" and result.fingerprint == "fp"


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": -1}, "x", 3])
def test_tokens_that_are_not_told_are_none(usage: Any) -> None:
    assert read(body({"content": "x"}, usage=usage)).usage is None


@pytest.mark.parametrize(
    ("value", "status", "words"),
    [
        ({"error": {"code": 429, "message": "slow down"}}, 429, "slow down"),
        ({"error": {"message": "broken", "code": "x"}}, 500, "broken"),
        ({"error": "broken"}, 500, "broken"),
        ([{"error": {"code": 503, "message": "busy"}}], 503, "busy"),
        ({"choices": [{"error": {"code": 502, "message": "bad gateway"}}]}, 502, "bad gateway"),
        (
            {"error": {"code": 400, "message": "Provider error", "metadata": {"raw": "no schema"}}},
            400,
            "Provider error: no schema",
        ),
    ],
)
def test_errors_within_a_response(value: Any, status: int, words: str) -> None:
    result = reply.read(json.dumps(value))
    assert isinstance(result, ErrorResponse) and (result.status, result.words) == (status, words)


def stream(*chunks: Any) -> str:
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def test_a_stream() -> None:
    result = read(
        ": ping\n\n"
        + stream(
            {"model": "m-1", "choices": [{"delta": {"role": "assistant", "reasoning_content": "h"}}]},
            {"choices": [{"delta": {"reasoning_content": "m", "content": None}}]},
            {"choices": [{"delta": {"content": "y"}}]},
            {"choices": [{"delta": {"content": "es"}, "finish_reason": "length"}]},
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        )
    )
    assert result == Reply("yes", "hm", None, True, "m-1", None, Usage(prompt_tokens=1, completion_tokens=2))


def test_an_error_within_a_stream() -> None:
    result = reply.read(stream({"choices": [{"delta": {"content": "y"}}]}, {"error": {"message": "x"}}))
    assert isinstance(result, ErrorResponse)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "{}",
        "[]",
        "null",
        '{"choices": []}',
        '{"choices": [3]}',
        "data: {",
        "data: [DONE]\n\n",
        "[" * 9999,
    ],
)
def test_no_completion(text: str) -> None:
    with pytest.raises(NoCompletion):
        reply.read(text)


@pytest.mark.parametrize("deep", ["[" * 5000 + "]" * 5000, "[" * 200 + "]" * 200])
@pytest.mark.parametrize("body", ['{"choices": [{"message": {"content": %s}}]}', 'data: {"choices": %s}\n'])
def test_a_response_that_is_nested_too_deeply(body: str, deep: str) -> None:
    with pytest.raises(NoCompletion):
        read(body % deep)


def test_a_piece_of_a_stream_that_is_no_object() -> None:
    events = [{"id": "c", "choices": [{"delta": delta}]} for delta in ("x", ["x"], {"content": "y"})]
    reply = read("".join(f"data: {json.dumps(event)}\n" for event in events))
    assert isinstance(reply, Reply) and reply.content == "y"
