"""What a server accepts: found out from its error messages, once per server and model, and remembered."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from attrgen.core.day import today
from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from attrgen.core.validation import Frozen, read_json

Rung = Literal["json_schema", "json_object", "text"]
TokenLimit = Literal["max_tokens", "max_completion_tokens"]
LADDER: tuple[Rung, ...] = ("json_schema", "json_object", "text")
ANSWER_TOKENS = (4096, 16384)  # tried in turn where the server's own limit cuts answers
AFTER_TIME_OUT = (1024, 512)  # tokens, in turn; so that a model that never ends gives what it has
_DAYS_REMEMBERED = 30
_FILE = "servers.json"


class Capabilities(Frozen):
    """What may be sent to one model of one server.

    Attributes:
        structured: the structured-output mode.
        token_limit: how the option for the longest answer is called.
        answer_tokens: sent as that option where the user gives none, because the server's own limit is low.
        temperature, seed: whether these may be sent.
        system: whether there may be a system message; else it is put before the user's first.
        stream: the server only streams.
    """

    structured: Rung = "json_schema"
    token_limit: TokenLimit = "max_tokens"
    answer_tokens: int | None = None
    temperature: bool = True
    seed: bool = True
    system: bool = True
    stream: bool = False

    def lower(self) -> Capabilities | None:
        """The same with the next structured-output mode; None after the last."""
        if self.structured == LADDER[-1]:
            return None
        return self.model_copy(update={"structured": LADDER[LADDER.index(self.structured) + 1]})

    def longer(self) -> Capabilities | None:
        """The same with room for longer answers; None after the last."""
        more = [tokens for tokens in ANSWER_TOKENS if tokens > (self.answer_tokens or 0)]
        return self.model_copy(update={"answer_tokens": more[0]}) if more else None

    def shorter(self) -> Capabilities | None:
        """The same with room for shorter answers only; None after the last."""
        fewer = [
            tokens for tokens in AFTER_TIME_OUT if self.answer_tokens is None or tokens < self.answer_tokens
        ]
        return self.model_copy(update={"answer_tokens": fewer[0]}) if fewer else None

    def adapted(
        self, sent: Mapping[str, Any], words: str, *, fixed: bool, proven: bool
    ) -> Capabilities | None:
        """What to send after the server rejected `sent` with these words; None where nothing helps.

        Args:
            fixed: the structured-output mode is the user's choice.
            proven: a request of this kind succeeded before, so that only clear words count.
        """
        other: TokenLimit = "max_tokens" if "max_completion_tokens" in sent else "max_completion_tokens"
        if _UNSUPPORTED.search(words):
            if self.token_limit in sent and self.token_limit in words:
                return self.model_copy(update={"token_limit": other})
            for name in ("temperature", "seed"):
                if name in sent and re.search(rf"\b{name}\b", words, re.IGNORECASE):
                    return self.model_copy(update={name: False})
        tokens = affordable(words)
        if tokens is not None:
            fewer = self.answer_tokens is None or tokens < self.answer_tokens
            mine = self.token_limit not in sent or self.answer_tokens is not None
            return self.model_copy(update={"answer_tokens": tokens}) if fewer and mine else None
        if self.system and _NO_SYSTEM.search(words):
            return self.model_copy(update={"system": False})
        if not self.stream and _ONLY_STREAMS.search(words):
            return self.model_copy(update={"stream": True})
        if self.stream and not _ABOUT_FORMAT.search(words) and re.search(r"\bstream", words):
            return self.model_copy(update={"stream": False})
        if not fixed and (not proven or _ABOUT_FORMAT.search(words)):
            return self.lower()
        return None

    def differences(self) -> list[str]:
        """In words, what is unlike the first attempt at any server."""
        words = [] if self.structured == LADDER[0] else [f"structured output: {self.structured}"]
        words += [f"no {name}" for name in ("temperature", "seed") if not getattr(self, name)]
        words += [] if self.system else ["no system message"]
        words += ["streaming only"] if self.stream else []
        words += [] if self.answer_tokens is None else [f"{self.token_limit}={self.answer_tokens}"]
        return words


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_UNSUPPORTED = _words(
    r"un?support|not support|only support|unrecognized|unknown|unexpected|extra|not permitted|not allowed"
    r"|forbidden|deprecated|not compatible|incompatible|invalid (?:field|parameter|argument)|instead"
)
_NO_SYSTEM = _words(
    r"system (?:role|message|prompt|instruction)s?\b.{0,40}(?:not|un)|developer instruction"
    r"|roles? must alternate|roles?.{0,30}\bsystem\b|\bsystem\b.{0,30}\brole"
)
_ONLY_STREAMS = _words(
    r"only supports? stream|stream(?:ing)?\W.{0,40}(?:must|required|only|set to true)"
    r"|(?:must|requires?|please).{0,30}\bstream|non-?stream(?:ing)?.{0,40}(?:not|un|disabled)"
)
_ABOUT_FORMAT = _words(
    r"response_?format|json_?schema|json_?object|json mode|structured|grammar|schema|guided"
    r"|minItems|maxItems|additionalProperties|mime.?type"
)


_AFFORDABLE = _words(r"can only afford (\d+)")
_LEAST_AFFORDED = 600  # tokens; a list needs about as many


def affordable(words: str) -> int | None:
    """The tokens of an answer that the account can pay by an error message, if they are enough for a list.

    Some services want the price of the longest possible answer in advance.
    """
    match = _AFFORDABLE.search(words)
    tokens = int(int(match[1]) * 0.9) if match is not None else 0  # the account goes down with each answer
    return min(tokens, ANSWER_TOKENS[0]) if tokens >= _LEAST_AFFORDED else None


def about_format(words: str) -> bool:
    """Whether an error message is about the structured-output mode."""
    return _ABOUT_FORMAT.search(words) is not None


class _Remembered(Frozen):
    model: str
    date: datetime.date
    capabilities: Capabilities


def _today() -> datetime.date:
    return datetime.date.fromisoformat(today())


class _File(Frozen):
    servers: dict[str, _Remembered] = Field(default_factory=dict)


class Memory:
    """Capabilities by server and model, in a file of the cache folder that is safe to delete."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def get(self, server_id: str, model: str) -> Capabilities | None:
        """What is known of a model; None where nothing is, or it is older than 30 days."""
        entry = self._read().servers.get(f"{server_id} {model}")
        if entry is None:
            return None
        age = _today() - entry.date
        return entry.capabilities if age.days <= _DAYS_REMEMBERED else None

    def put(self, server_id: str, model: str, capabilities: Capabilities) -> None:
        """Remember what a model of a server accepts; a folder that cannot be written is no error."""
        servers = dict(self._read().servers)
        servers[f"{server_id} {model}"] = _Remembered(model=model, date=_today(), capabilities=capabilities)
        self._write(servers)

    def forget(self, server_id: str, model: str) -> None:
        """Forget what a model of a server accepts."""
        servers = dict(self._read().servers)
        if servers.pop(f"{server_id} {model}", None) is not None:
            self._write(servers)

    def _write(self, servers: dict[str, _Remembered]) -> None:
        try:
            write_text(self._path, _File(servers=servers).model_dump_json(indent=2) + "\n")
        except UserError:
            return

    def _read(self) -> _File:
        try:
            return read_json(_File, self._path, what="memory of servers", code="servers")
        except UserError:
            return _File()
