"""A chat completion as it came, read with distrust: "compatible" servers return anything with status 200."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from attrgen.core.json_lines import loads
from attrgen.llm.error_body import error_of
from attrgen.llm.errors import ErrorResponse
from attrgen.llm.request import Usage

_REASONING = ("reasoning_content", "reasoning", "thinking")
_CUT = ("length", "max_tokens", "MAX_TOKENS")
_FILTERED = ("content_filter", "safety", "recitation", "prohibited_content", "blocklist")
_LONGEST_REFUSAL = 300


@dataclass(frozen=True)
class Reply:
    """What a model answered.

    Args:
        content: its words; empty where there are none.
        reasoning: its thoughts, where the server has them in a field of their own.
        refusal: why it declines, or None.
        cut: it was cut off at the token limit.
        model: as the server names it, or None.
        fingerprint: the server's `system_fingerprint`, or None.
        usage: None where the server does not say.
    """

    content: str
    reasoning: str = ""
    refusal: str | None = None
    cut: bool = False
    model: str | None = None
    fingerprint: str | None = None
    usage: Usage | None = None


class NoCompletion(Exception):
    """The response is no chat completion."""


def read(text: str) -> Reply | ErrorResponse:
    """A reply, or the error in it, from the body of a response of status 200, streamed or not.

    Raises:
        NoCompletion: it is neither.
    """
    stripped = text.lstrip("\ufeff \r\n\t")
    if stripped.startswith(("data:", "event:", ":", "id:")):
        return _of(_joined(_events(stripped)))
    try:
        body = loads(stripped)
    except ValueError as error:
        raise NoCompletion("the server's response is not JSON") from error
    if isinstance(body, list) and body and isinstance(body[0], dict):
        body = body[0]
    return _of(body)


def _of(body: Any) -> Reply | ErrorResponse:
    if isinstance(body, dict) and body.get("error"):
        return _error(body)
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if choice is None and isinstance(body, dict) and _is_empty_completion(body):
        choice = {}  # a turn without words, as some gateways send it
    if not isinstance(choice, dict):
        raise NoCompletion("the server's response is no chat completion (is --base-url right?)")
    if choice.get("error"):
        return _error(choice)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {"content": choice.get("text")}
    finish = choice.get("finish_reason") or ""
    refusal = message.get("refusal")
    if any(word in str(finish).casefold() for word in _FILTERED):
        refusal = refusal or "stopped by a content filter"
    return Reply(
        content=_text(message.get("content")) or _arguments(message),
        reasoning=next((text for name in _REASONING if (text := _text(message.get(name)))), ""),
        refusal=" ".join(str(refusal).split())[:_LONGEST_REFUSAL] if refusal else None,
        cut=finish in _CUT,
        model=_name(body.get("model")),
        fingerprint=_name(body.get("system_fingerprint")),
        usage=_usage(body.get("usage")),
    )


def _is_empty_completion(body: Mapping[str, Any]) -> bool:
    """Whether it is a completion without a choice: it has choices and says what it cost or what it is."""
    has_none = "choices" in body and body["choices"] in (None, [])
    return has_none and ("usage" in body or body.get("object") == "chat.completion")


def failed_generation(body: Any) -> str | None:
    """What a model wrote where the server answers with an error because that is not valid JSON, or None."""
    error = body.get("error") if isinstance(body, dict) else None
    written = error.get("failed_generation") if isinstance(error, dict) else None
    return written if isinstance(written, str) else None


def _error(body: Mapping[str, Any]) -> ErrorResponse:
    status, words, kinds = error_of(body)
    return ErrorResponse(status or 500, words or "an error without explanation", kinds)


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _text(content: Any) -> str:
    """The words of a message's content: a string, or parts of which those with thoughts are left out."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return content["text"] if isinstance(content.get("text"), str) else ""
    if not isinstance(content, list):
        return ""
    parts = [
        part for part in content if not isinstance(part, dict) or part.get("type", "text") in _TEXT_PARTS
    ]
    return "".join(_text(part) for part in parts)


_TEXT_PARTS = ("text", "output_text")


def _arguments(message: Mapping[str, Any]) -> str:
    """The arguments of a tool call, by which some servers give structured output."""
    calls = message.get("tool_calls")
    call = calls[0] if isinstance(calls, list) and calls else None
    function = call.get("function") if isinstance(call, dict) else message.get("function_call")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""


def _usage(counted: Any) -> Usage | None:
    if not isinstance(counted, dict):
        return None

    def number(*names: str) -> int:
        values = [counted.get(name) for name in names]
        return next((value for value in values if isinstance(value, int) and value >= 0), 0)

    usage = Usage(
        prompt_tokens=number("prompt_tokens", "input_tokens"),
        completion_tokens=number("completion_tokens", "output_tokens"),
    )
    return usage if usage.total else None


def _events(text: str) -> Iterable[dict[str, Any]]:
    """The JSON objects of a stream of server-sent events."""
    for line in text.splitlines():
        name, _, data = line.partition(":")
        if name != "data" or data.strip() in ("", "[DONE]"):
            continue
        try:
            event = loads(data)
        except ValueError as error:
            raise NoCompletion("the server's stream is not JSON") from error
        if isinstance(event, dict):
            yield event


def _joined(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """One completion from the chunks of a stream."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    finish = None
    for event in events:
        if event.get("error"):
            return event
        whole |= {key: value for key, value in event.items() if value is not None and key != "choices"}
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        delta = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
        delta = delta if isinstance(delta, dict) else {}
        for key in ("content", "refusal", *_REASONING):
            piece = delta.get(key) if key == "refusal" else _text(delta.get(key))
            if piece:
                message[key] = message.get(key, "") + piece
        finish = choice.get("finish_reason") or finish
    if not whole:
        raise NoCompletion("the server's stream has no chat completion")
    if not message and finish is None:
        raise NoCompletion("the server's stream ended before an answer")
    return {**whole, "choices": [{"message": message, "finish_reason": finish}]}
