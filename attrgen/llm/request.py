"""One request to an LLM and the form of its answer: pure data, no network.

Every answer in attrgen is one JSON object with one list of strings, `{"attributes": ["…", "…"]}`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictStr,
    TypeAdapter,
    ValidationError,
    model_serializer,
)

from attrgen.core.validation import Frozen, dotted
from attrgen.schema.attribute_set import Text

Message = tuple[str, str]  # role, text

_STRINGS = TypeAdapter(list[StrictStr], config=ConfigDict(strict=True))
_TEXTS = TypeAdapter(list[Text])


class InvalidAnswer(ValueError):
    """An answer that does not have the form asked for; the message is the reason sent back to the LLM."""


class Sampling(Frozen):
    """Sampling parameters; what is None is left to the server."""

    temperature: float | None = Field(None, ge=0, le=2)
    seed: int | None = None
    max_tokens: int | None = Field(None, ge=1)

    def given(self) -> dict[str, float | int]:
        """Only those that are set."""
        return self.model_dump(exclude_none=True)


class ListFormat(Frozen):
    """The form of an answer: an object whose one key `field` holds `count` different strings.

    With `choices`, each string is one of them.
    """

    field: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    count: int = Field(ge=1)
    choices: tuple[str, ...] | None = None

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema in the subset that 'strict' structured output accepts."""
        item: dict[str, Any] = {"type": "string"}
        if self.choices is not None:
            item["enum"] = list(self.choices)
        size = {"minItems": self.count, "maxItems": self.count}
        return {
            "type": "object",
            "properties": {self.field: {"type": "array", "items": item, **size}},
            "required": [self.field],
            "additionalProperties": False,
        }

    def validate_items(self, value: dict[str, Any], *, fewer: bool = False) -> list[str]:
        """The strings of a decoded object, each with single spaces.

        Args:
            fewer: fewer strings than `count` are valid too.

        Raises:
            InvalidAnswer: another key, not a list of strings, another count, a repeated or unknown string.
        """
        extra = [key for key in value if key != self.field]
        if extra:
            raise InvalidAnswer(f'it has the key "{extra[0]}" beside "{self.field}".')
        try:
            strings = _STRINGS.validate_python(value.get(self.field))
            # Line breaks and no-break spaces are the most frequent mistakes and carry no meaning.
            items = _TEXTS.validate_python([" ".join(text.split()) for text in strings])
        except ValidationError as error:
            raise InvalidAnswer("; ".join(_reason(item) for item in error.errors()[:5]) + ".") from error
        if not (1 <= len(items) < self.count if fewer else len(items) == self.count):
            raise InvalidAnswer(f"it has {len(items)} strings instead of exactly {self.count}.")
        repeated = [item for index, item in enumerate(items) if item in items[:index]]
        if repeated:
            raise InvalidAnswer(f"'{repeated[0]}' is there twice.")
        unknown = [item for item in items if self.choices is not None and item not in self.choices]
        if unknown:
            raise InvalidAnswer(f"'{unknown[0]}' is none of the names to choose from.")
        return items


class Request(Frozen):
    """What is asked, without the API key and the structured-output mode.

    Attributes:
        extra: further fields of the request's body (`--extra-body`).
        server: the id of the server that is asked (`Server.id`); None where any server's answer will do.
    """

    model: str
    messages: tuple[Message, ...]
    format: ListFormat
    sampling: Sampling = Sampling()
    extra: dict[str, Any] | None = None
    server: str | None = None

    def key(self) -> str:
        """SHA-256 (64 hexadecimal digits) of the question, then "-" and the server's id if there is one.

        The question is model, messages, schema, sampling and further fields of the body.
        """
        content: dict[str, Any] = {
            "model": self.model,
            "messages": self.messages,
            "schema": self.format.json_schema(),
            "sampling": self.sampling.given(),
        }
        if self.extra:
            content["extra"] = self.extra
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        question = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
        return question if self.server is None else f"{question}-{self.server}"

    def followed_by(self, *messages: Message, count: int | None = None) -> Request:
        """The same conversation continued, asking for `count` strings this time."""
        form = self.format if count is None else self.format.model_copy(update={"count": count})
        return self.model_copy(update={"messages": (*self.messages, *messages), "format": form})


class Usage(Frozen):
    """Tokens as the server counted them.

    Attributes:
        estimated: how many of them are an estimate, because the server did not say.
    """

    prompt_tokens: int = Field(0, ge=0)
    completion_tokens: int = Field(0, ge=0)
    estimated: int = Field(0, ge=0)

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            estimated=self.estimated + other.estimated,
        )

    @model_serializer(mode="wrap")
    def _without_zero(self, serialize: SerializerFunctionWrapHandler) -> dict[str, int]:
        written: dict[str, int] = serialize(self)
        return written if self.estimated else {key: written[key] for key in written if key != "estimated"}


class Origin(Frozen):
    """How an answer came about.

    Attributes:
        server: its public address, "local" for a machine that is not on the internet.
        fingerprint: the server's `system_fingerprint`.
        structured: the structured-output mode with which it was asked.
        answer_format: SHA-256 of the template that describes the form.
        left_out: sampling options that the server does not accept.
        answer_tokens: the limit that was sent without the user's asking for one.
    """

    server: str
    fingerprint: str | None = None
    structured: str
    answer_format: str
    left_out: tuple[str, ...] | None = None
    answer_tokens: int | None = None


class Answer(Frozen):
    """The usable strings of an answer, the model that the server names, its tokens and its day (UTC).

    Attributes:
        incomplete: there are fewer strings than were asked for.
        origin: None in an answer of an older version.
        raw: what the model wrote, in order, where that is more than the JSON of the strings.
    """

    items: tuple[str, ...]
    resolved_model: str
    usage: Usage = Usage()
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    incomplete: bool | None = None
    origin: Origin | None = None
    raw: tuple[str, ...] | None = None


def _reason(item: Any) -> str:
    position = dotted(item["loc"])
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{position}: {message}" if position else message
