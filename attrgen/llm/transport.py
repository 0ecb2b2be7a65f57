"""One request and its reply, through the `openai` client with its own retries off."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrgen.llm import reply as replies
from attrgen.llm.capabilities import Capabilities
from attrgen.llm.errors import ErrorResponse, Fatal, Transient, error_of, from_response
from attrgen.llm.prompts import Prompts
from attrgen.llm.reply import NoCompletion, Reply
from attrgen.llm.request import Request
from attrgen.llm.server import Server

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

Log = Callable[[Mapping[str, Any]], None]


def format_variables(request: Request) -> dict[str, Any]:
    """What the template `answer_format` may use."""
    form = request.format
    schema = json.dumps(form.json_schema(), ensure_ascii=False)
    return {"field": form.field, "count": form.count, "schema": schema, "choices": form.choices}


def body_of(request: Request, capabilities: Capabilities, form: str) -> dict[str, Any]:
    """The body of a request in the way that the server accepts.

    Args:
        form: the description of the answer's form. It always goes with the last message, because there are
            servers that accept `response_format` and ignore it.
    """
    messages = [{"role": role, "content": text} for role, text in request.messages]
    messages[-1]["content"] += f"\n{form}"
    if not capabilities.system and len(messages) > 1 and messages[0]["role"] == "system":
        system = messages.pop(0)
        messages[0]["content"] = f"{system['content']}\n{messages[0]['content']}"
    body: dict[str, Any] = {"model": request.model, "messages": messages}
    for name, value in request.sampling.given().items():
        if name == "max_tokens":
            body[capabilities.token_limit] = value
        elif getattr(capabilities, name):
            body[name] = value
    if capabilities.answer_tokens is not None and capabilities.token_limit not in body:
        body[capabilities.token_limit] = capabilities.answer_tokens
    if capabilities.structured == "json_schema":
        schema = {"name": request.format.field, "strict": True, "schema": request.format.json_schema()}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif capabilities.structured == "json_object":
        body["response_format"] = {"type": "json_object"}
    if capabilities.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return {**body, **(request.extra or {})}


class Transport:
    """Sends requests to one server.

    Args:
        timeout: seconds that one request may take.
        log: called with each request and what came back, without headers and secrets.
    """

    def __init__(self, server: Server, prompts: Prompts, timeout: float, log: Log | None = None) -> None:
        self._server = server
        self._prompts = prompts
        self._timeout = timeout
        self._log = log
        self._openai: AsyncOpenAI | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._openai is not None:
            await self._openai.close()

    def body(self, request: Request, capabilities: Capabilities) -> dict[str, Any]:
        """What is sent for a request."""
        form = self._prompts["answer_format"].render(format_variables(request))
        return body_of(request, capabilities, form)

    async def send(self, body: dict[str, Any], model: str) -> Reply:
        """The reply to one request.

        Raises:
            Transient, Rejected, Failed, Fatal: there is none.
        """
        began = time.monotonic()
        status, text = None, ""
        try:
            status, text, headers = await self._sent(body)
        except Transient as error:
            text = str(error)
            raise
        finally:
            self._write_log(body, status, text, time.monotonic() - began)
        result = self._read(status, text, headers)
        if isinstance(result, ErrorResponse):
            raised = from_response(self._scrubbed(result), model, self._server.shown)
            raise raised from None
        return result

    async def models(self) -> list[str]:
        """The names of the server's models; none where it does not list them."""
        import openai

        try:
            page = await self._client().get("/models", cast_to=object)
        except openai.OpenAIError:
            return []
        rows = page.get("data") if isinstance(page, dict) else None
        names = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return [name for name in names if isinstance(name, str)]

    async def _sent(self, body: dict[str, Any]) -> tuple[int, str, Mapping[str, str]]:
        """Status, text and headers of the response."""
        import openai

        try:
            async with asyncio.timeout(self._timeout):
                raw: Any = await self._client().chat.completions.with_raw_response.create(
                    model=body["model"], messages=body["messages"], extra_body=body
                )
                response = raw.http_response
                content = await response.aread()
        except (openai.APITimeoutError, TimeoutError) as error:
            raise Transient(f"no answer within {self._timeout:g} s", busy=True, timed_out=True) from error
        except openai.APIConnectionError as error:
            reason = self._server.scrub(str(error.__cause__ or error))
            raise Transient("connection lost", reason, lost=True) from None
        except openai.APIStatusError as error:
            return error.status_code, _text_of(error), dict(error.response.headers)
        except (openai.APIError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise Transient("the server's response is not JSON") from error
        return response.status_code, content.decode("utf-8", "replace"), dict(response.headers)

    def _read(self, status: int, text: str, headers: Mapping[str, str]) -> Reply | ErrorResponse:
        if status >= 300:
            try:
                _, words, kinds = error_of(json.loads(text))
            except (ValueError, RecursionError):
                words, kinds = " ".join(text.split())[:300], ""
            return ErrorResponse(status, words or "(no explanation)", kinds, headers)
        try:
            return replies.read(text)
        except NoCompletion as error:
            raise Transient(str(error)) from error

    def _scrubbed(self, error: ErrorResponse) -> ErrorResponse:
        scrub = self._server.scrub
        return ErrorResponse(error.status, scrub(error.words), scrub(error.kinds), error.headers)

    def _client(self) -> AsyncOpenAI:
        import openai

        if self._openai is None:
            self._openai = openai.AsyncOpenAI(
                api_key=self._server.key or "none",
                base_url=self._server.address,
                default_query=dict(self._server.query) or None,
                default_headers=dict(self._server.headers) or None,
                max_retries=0,
                timeout=self._timeout,
            )
        return self._openai

    def _write_log(self, body: dict[str, Any], status: int | None, text: str, seconds: float) -> None:
        if self._log is None:
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        record: dict[str, Any] = {"time": now, "server": self._server.shown, "request": body}
        record |= {"status": status, "seconds": round(seconds, 3), "response": text}
        self._log(_mapped(record, self._server.scrub))


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every string in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, change) for key, item in value.items()}
    return [_mapped(item, change) for item in value] if isinstance(value, list) else value


def _text_of(error: APIStatusError) -> str:
    try:
        return error.response.text
    except Exception:  # a body that was not read or cannot be decoded says nothing
        return str(error.body or "")


def unreachable(server: Server, error: Transient) -> Fatal:
    """The error that ends a build whose server cannot be reached."""
    return Fatal(
        f"{server.shown} cannot be reached: {error}",
        code="server-unreachable",
        remedy="Check --base-url and the network. Answers so far are in the cache.",
    )
