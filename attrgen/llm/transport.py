"""One request and its reply, through the `openai` client with its own retries off."""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrgen.core.json_lines import loads
from attrgen.core.network import SSL_CERTIFICATES, certificates_remedy, proxy_remedy
from attrgen.llm import reply as replies
from attrgen.llm.capabilities import Capabilities
from attrgen.llm.error_body import error_of
from attrgen.llm.errors import ErrorResponse, Fatal, Transient, from_response
from attrgen.llm.prompts import Prompts
from attrgen.llm.reply import NoCompletion, Reply, failed_generation
from attrgen.llm.request import Request
from attrgen.llm.server import Server

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import AsyncOpenAI

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
            status, text, headers = await self._answered("/chat/completions", body)
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
        try:
            status, text, _ = await self._answered("/models")
            body = loads(text) if status == 200 else None
        except (Transient, ValueError):
            return []
        rows = body.get("data") if isinstance(body, dict) else None
        names = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return [name for name in names if isinstance(name, str)]

    async def _answered(
        self, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, str, Mapping[str, str]]:
        """Status, text and headers of the response; without a body, GET instead of POST."""
        import httpx2
        import openai
        from openai import RequestOptions

        client = self._client()
        options = RequestOptions(headers=self._authentication)
        try:
            async with asyncio.timeout(self._timeout):
                if body is None:
                    response = await client.get(path, cast_to=httpx2.Response, options=options)
                else:
                    response = await client.post(path, cast_to=httpx2.Response, body=body, options=options)
        except openai.APIStatusError as error:
            response = error.response
        except (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError) as error:
            raise Transient(f"no answer within {self._timeout:g} s", busy=True, timed_out=True) from error
        except (openai.APIConnectionError, httpx2.TransportError, httpx2.InvalidURL, UnicodeError) as error:
            raise self._unsent(error.__cause__ or error) from None
        return response.status_code, _text_of(response), response.headers

    def _unsent(self, error: BaseException) -> Transient | Fatal:
        """What went wrong with a request that got no response."""
        import httpx2

        if isinstance(error, httpx2.DecodingError):
            return Transient("the server's response cannot be decompressed", unreadable=True)
        if isinstance(error, httpx2.InvalidURL | UnicodeError):
            return Fatal(
                f"the address {self._server.shown} cannot be used: {self._server.scrub(str(error))}",
                code="server-invalid-url",
                remedy="Correct --base-url.",
            )
        reason = self._server.scrub(str(error) or type(error).__name__)
        return Transient("connection lost", reason, lost=True)

    def _read(self, status: int, text: str, headers: Mapping[str, str]) -> Reply | ErrorResponse:
        if status >= 300:
            try:
                body = loads(text)
                _, words, kinds = error_of(body)
            except ValueError:
                body, words, kinds = None, _words_of(text), ""
            if (failed := failed_generation(body)) is not None:
                return Reply(content=failed)
            return ErrorResponse(status, words or "(no explanation)", kinds, headers)
        try:
            return replies.read(text)
        except NoCompletion as error:
            raise Transient(str(error), unreadable=True) from error

    def _scrubbed(self, error: ErrorResponse) -> ErrorResponse:
        scrub = self._server.scrub
        return ErrorResponse(error.status, scrub(error.words), scrub(error.kinds), error.headers)

    def _client(self) -> AsyncOpenAI:
        import httpx2
        import openai

        if self._openai is None:
            try:
                # Certificates take long to load. There are none to check at an address without TLS, and
                # a redirect, which might lead to another address, is not followed.
                http = openai.DefaultAsyncHttpxClient(
                    timeout=self._timeout,
                    limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
                    verify=self._server.address.startswith("https:"),
                    follow_redirects=False,
                )
                self._openai = openai.AsyncOpenAI(
                    api_key=self._server.key or "none",
                    base_url=self._server.address,
                    default_query=dict(self._server.query),
                    default_headers={"User-Agent": "attrgen"},
                    max_retries=0,
                    timeout=self._timeout,
                    http_client=http,
                )
            except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
                raise self._unusable(error) from None  # its words may have a password
        return self._openai

    @property
    def _authentication(self) -> Mapping[str, Any]:
        """Headers of authentication; without a key the client's own one is left out."""
        import openai

        headers = self._server.headers
        return headers if self._server.key or headers else {"Authorization": openai.Omit()}

    def _unusable(self, error: Exception) -> Fatal:
        """What is wrong with the environment's certificates or proxies, without the values of the latter."""
        if isinstance(error, OSError):
            return Fatal(
                f"the certificates cannot be read: {error.strerror or type(error).__name__}",
                code="server-certificates",
                remedy=certificates_remedy(*SSL_CERTIFICATES),
            )
        return Fatal("the settings of the proxy cannot be used", code="server-proxy", remedy=proxy_remedy())

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


def _text_of(response: Response) -> str:
    """The body as UTF-8, which JSON is whatever the headers say."""
    return response.content.decode("utf-8", "replace")


def _words_of(text: str) -> str:
    """What an error says that is no JSON: the title of a page, else its words without markup."""
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
    words = html.unescape(title[1] if title else re.sub(r"<[^>]*>", " ", text))
    return " ".join(words.split())[:300]


def useless(server: Server, error: Transient) -> Fatal:
    """The error that ends a build whose server never gave a completion."""
    address = server.address if server.address.endswith("/v1") else f"{server.address}/v1"
    return Fatal(
        f"{server.shown} gave no answer of use: {error}",
        code="server-useless",
        remedy="Check that the server is well, and --base-url"
        + ("." if server.address == address else f": it usually ends in /v1, as {server.scrub(address)}."),
    )


def unreachable(server: Server, error: Transient) -> Fatal:
    """The error that ends a build whose server cannot be reached."""
    return Fatal(
        f"{server.shown} cannot be reached: {error}",
        code="server-unreachable",
        remedy="Check --base-url and the network. Answers so far are in the cache.",
    )
