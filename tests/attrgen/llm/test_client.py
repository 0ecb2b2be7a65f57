"""The client against a scripted server: a real socket, the real HTTP library."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from attrgen.llm import client as clients
from attrgen.llm import prompts
from attrgen.llm.client import Client, Server
from attrgen.llm.errors import Failed, Fatal, Transient
from attrgen.llm.request import Answer, ListFormat, Request, Sampling
from attrgen.llm.spending import Ledger, SpendingLimit

SECRET = "sk-very-secret-0123456789"


def request(text: str = "Write.", count: int = 3, **fields: Any) -> Request:
    return Request(
        model="m",
        messages=(("system", "You write."), ("user", text)),
        format=ListFormat(field="attributes", count=count),
        **fields,
    )


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    real = clients._pause

    def short(error: Transient, attempt: int) -> float:
        return 0.01 if error.wait is None else real(error, attempt)

    monkeypatch.setattr(clients, "_pause", short)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def ask(server: Any, ledger: Ledger) -> Callable[..., Answer]:
    def one(asked: Request | None = None, **options: Any) -> Answer:
        return many([asked or request()], **options)[0]

    def many(asked: list[Request], **options: Any) -> list[Answer]:
        async def run() -> list[Answer]:
            options.setdefault("timeout", 5)
            client = Client(Server(server.url, SECRET), prompts.load(), ledger, **options)
            try:
                return await asyncio.gather(*(client.ask(item, "descriptive", "lump") for item in asked))
            finally:
                await client.close()

        return asyncio.run(run())

    one.many = many  # type: ignore[attr-defined]
    return one


def once(reply: Callable[[Any], Any], scripts: ModuleType) -> Callable[[Any], Any]:
    """The first request gets `reply`, the others a good answer."""
    return lambda received: reply(received) if received.number == 0 else scripts.normal(received)


def test_normal(ask: Any, server: Any, ledger: Ledger) -> None:
    answer = ask(request(sampling=Sampling(temperature=0.5, seed=7)))
    assert len(answer.items) == 3
    assert answer.resolved_model == "m-2026"
    assert answer.usage.total == ledger.usage.total == 150
    body = server.received[0].body
    assert body["model"] == "m" and body["temperature"] == 0.5 and body["seed"] == 7
    assert body["response_format"]["json_schema"]["strict"] is True
    assert server.received[0].headers["authorization"] == f"Bearer {SECRET}"


def test_unset_sampling_is_not_sent(ask: Any, server: Any) -> None:
    ask()
    assert set(server.received[0].body) == {"model", "messages", "response_format"}


def test_429_waits_as_long_as_the_server_says(
    ask: Any, server: Any, scripts: ModuleType, ledger: Ledger
) -> None:
    server.script = once(lambda _: scripts.error(429, headers={"Retry-After": "1"}), scripts)
    ask()
    first, second = server.received
    assert 1.0 <= second.moment - first.moment < 1.6
    assert ledger.retries == {"429, too many requests": 1}


def test_429_pauses_the_other_requests_too(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = once(lambda _: scripts.error(429, headers={"Retry-After": "0.7"}), scripts)
    ask.many([request(f"Write {i}.") for i in range(6)], concurrency=1)
    first, second = server.received[:2]
    assert second.moment - first.moment >= 0.7


def test_429_without_quota_is_not_asked_again(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.error(429, "pay", code="insufficient_quota")
    with pytest.raises(Fatal) as caught:
        ask()
    assert caught.value.code == "server-no-credit"
    assert len(server.received) == 1


def test_429_slows_the_fan_out(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.latency = 0.2
    in_hand: list[int] = []

    def script(received: Any) -> Any:
        in_hand.append(server._active)
        limited = 40 <= received.number < 48
        return scripts.error(429, headers={"Retry-After-Ms": "50"}) if limited else scripts.normal(received)

    server.script = script
    ask.many([request(f"Write {i}.") for i in range(80)], concurrency=8)
    assert in_hand[0] == in_hand[1] == 1  # the first goes alone
    assert max(in_hand[:40]) == 8
    assert max(in_hand[48:52]) <= 5


def test_500s(ask: Any, server: Any, scripts: ModuleType, ledger: Ledger) -> None:
    server.script = lambda r: scripts.error(500 + r.number) if r.number < 3 else scripts.normal(r)
    assert len(ask().items) == 3
    assert ledger.retries == {"500": 1, "501": 1, "502": 1}


def test_500s_without_end_fail_that_request_only(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.error(503, "busy")
    with pytest.raises(Failed, match=r"503: busy \(asked 3 times\)"):
        ask(retries=2)
    assert len(server.received) == 3  # the library's own retries are off


def test_hang(ask: Any, server: Any, scripts: ModuleType, ledger: Ledger) -> None:
    server.script = once(lambda _: scripts.Reply("", delay=30), scripts)
    began = time.monotonic()
    assert len(ask(timeout=0.5).items) == 3
    assert time.monotonic() - began < 3
    assert ledger.retries == {"no answer within 0.5 s": 1}


def test_an_answer_of_no_use_is_sent_back_with_the_reason(
    ask: Any, server: Any, scripts: ModuleType, ledger: Ledger
) -> None:
    server.script = once(lambda _: scripts.Reply(scripts.completion("Sure, I can do that.")), scripts)
    ask()
    answered, complaint = server.received[1].body["messages"][-2:]
    assert answered == {"role": "assistant", "content": "Sure, I can do that."}
    assert "no JSON object" in complaint["content"] and "exactly 3 strings" in complaint["content"]
    assert ledger.wasted.total == 150 and ledger.usage.total == 300
    assert [received.mode for received in server.received] == ["json_schema", "json_schema"]


def test_a_mode_that_gives_nothing_useful_is_left(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda r: (
        scripts.normal(r) if r.mode == "text" else scripts.Reply(scripts.completion("{}"))
    )
    ask.many([request(), request("Write others.")], concurrency=1, repairs=4)
    modes = [received.mode for received in server.received]
    assert modes == ["json_schema", "json_schema", "json_object", "json_object", "text", "text"]


def test_only_what_a_short_answer_lacks_is_asked_for(
    ask: Any, server: Any, scripts: ModuleType, ledger: Ledger
) -> None:
    server.script = once(lambda _: scripts.Reply(scripts.completion('{"attributes": ["a lump", "a')), scripts)
    answer = ask()
    assert answer.items[0] == "a lump" and len(answer.items) == 3 and answer.incomplete is None
    first, second = server.received
    assert second.count == 2 and second.mode == first.mode == "json_schema"
    kept, question = second.body["messages"][-2:]
    assert json.loads(kept["content"]) == {"attributes": ["a lump"]}
    assert "Write exactly 2 more" in question["content"]
    assert ledger.wasted.total == 0 and answer.usage.total == ledger.usage.total == 300
    assert answer.raw is not None and answer.raw[0] == '{"attributes": ["a lump", "a'


def test_a_model_that_never_gives_enough_loses_nothing(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.Reply(scripts.completion('{"attributes": ["one", "two"]}'))
    answer = ask(repairs=2)
    assert answer.items == ("one", "two") and answer.incomplete
    assert len(server.received) == 3


@pytest.mark.parametrize(
    "content",
    [{"attributes": []}, {"attributes": [1, 2, 3]}, {"attributes": {}}, {"attributes": [" "]}, {"n": 3}, []],
)
def test_json_without_a_usable_string(ask: Any, server: Any, scripts: ModuleType, content: object) -> None:
    server.script = lambda _: scripts.Reply(scripts.completion(json.dumps(content)))
    with pytest.raises(Failed) as caught:
        ask(repairs=1)
    assert caught.value.code == "answer-invalid" and caught.value.remedy
    assert len(server.received) == 2


@pytest.mark.parametrize(
    "content",
    [
        {"attributes": ["one", "two", "three", "four"]},
        {"attributes": ["one", "two", "two", "three"]},
        {"attributes": ["one", "two", "three"], "more": 1},
        {"texts": ["one", "two", "three"]},
        ["one", "two", "three"],
    ],
)
def test_small_slips_cost_no_request(ask: Any, server: Any, scripts: ModuleType, content: object) -> None:
    server.script = lambda _: scripts.Reply(scripts.completion(json.dumps(content)))
    assert ask(repairs=0).items == ("one", "two", "three")
    assert len(server.received) == 1


def test_an_example_of_the_prompt_is_no_answer(ask: Any, server: Any, scripts: ModuleType) -> None:
    example = "a flat round disc with a raised head"
    good = ["a dark spot on the left", "a bright rim all round", "a grey band below"]
    items = iter([[f"{example}.", *good[:2]], good[2:]])
    server.script = lambda r: scripts.Reply(scripts.completion(json.dumps({"attributes": next(items)})))
    answer = ask(request(f'Write, for instance: "{example}".'))
    assert list(answer.items) == good and len(server.received) == 2


def test_cut_at_the_token_limit(ask: Any, server: Any, scripts: ModuleType) -> None:
    def cut(received: Any) -> Any:
        return scripts.Reply(scripts.completion(scripts.answer(received), finish="length"))

    server.script = once(cut, scripts)
    assert ask().incomplete is None
    assert len(server.received) == 1  # it was cut after the last string that was asked for


def test_an_answer_without_words_that_was_cut_gets_more_room(
    ask: Any, server: Any, scripts: ModuleType
) -> None:
    """As a model that thinks does, where the server's own limit is low."""

    def script(received: Any) -> Any:
        room = received.body.get("max_tokens", 0)
        return (
            scripts.normal(received)
            if room > 4096
            else scripts.Reply(scripts.completion("", finish="length"))
        )

    server.script = script
    answers = ask.many([request(), request("Write others.")], concurrency=1)
    assert [received.body.get("max_tokens") for received in server.received] == [None, 4096, 16384, 16384]
    assert answers[0].origin is not None and answers[0].origin.answer_tokens == 16384


def test_an_answer_without_end_gets_no_more_room(ask: Any, server: Any, scripts: ModuleType) -> None:
    endless = '{"attributes": ["shape", "' + "shape_id_" * 200
    server.script = once(lambda r: scripts.Reply(scripts.completion(endless, finish="length")), scripts)
    assert len(ask().items) == 3
    assert "max_tokens" not in server.received[1].body


def test_a_limit_of_the_users_own_is_kept(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.Reply(scripts.completion("", finish="length"))
    with pytest.raises(Failed) as caught:
        ask(request(sampling=Sampling(max_tokens=20)), repairs=1)
    assert caught.value.code == "answer-cut-off"
    assert [received.body["max_tokens"] for received in server.received] == [20, 20]


def test_refusal_is_asked_again_as_it_was_and_then_told(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.Reply(scripts.completion(None, refusal="I cannot help with that."))
    with pytest.raises(Failed, match="the model refuses: I cannot help"):
        ask(repairs=1)
    first, second = server.received
    assert first.body == second.body


def test_content_filter_is_a_refusal(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.Reply(scripts.completion("", finish="content_filter"))
    with pytest.raises(Failed, match="content filter"):
        ask(repairs=0)


@pytest.mark.parametrize("accepted", ["json_object", "text"])
def test_a_server_that_rejects_json_schema(
    ask: Any, server: Any, scripts: ModuleType, ledger: Ledger, accepted: str
) -> None:
    def script(received: Any) -> Any:
        if received.mode not in (accepted, "text"):
            return scripts.error(400, f"response_format {received.mode} is not supported")
        return scripts.normal(received)

    server.script = script
    answers = ask.many([request("Write one."), request("Write two.")], concurrency=1)
    assert [len(answer.items) for answer in answers] == [3, 3]
    modes = [received.mode for received in server.received]
    ladder = ["json_schema", "json_object", "text"]
    end = ladder.index(accepted)
    assert modes == [*ladder[:end], accepted, accepted]  # the second request starts on the rung that works
    prompt = server.received[-1].prompt
    assert "one JSON object" in prompt and "attributes" in prompt and "exactly 3 strings" in prompt
    assert ledger.retries["json_schema rejected"] == 1


def test_many_in_flight_step_down_together(
    ask: Any, server: Any, scripts: ModuleType, ledger: Ledger
) -> None:
    server.latency = 0.05
    server.script = lambda r: (
        scripts.normal(r) if r.mode == "json_object" else scripts.error(400, "no such mode")
    )
    ask.many([request(f"Write {i}.") for i in range(8)], concurrency=8)
    assert ledger.retries == {"json_schema rejected": 1}


@pytest.mark.parametrize("mode", ["json_schema", "json_object", "text"])
def test_structured_fixes_the_rung(ask: Any, server: Any, scripts: ModuleType, mode: str) -> None:
    server.script = lambda _: scripts.error(400, "no")
    with pytest.raises(Fatal, match="--structured"):
        ask(structured=mode)
    assert [received.mode for received in server.received] == [mode]


def test_a_400_on_a_mode_that_works_fails_that_request_only(
    ask: Any, server: Any, scripts: ModuleType
) -> None:
    server.script = lambda r: scripts.error(400, "too long") if "bad" in r.prompt else scripts.normal(r)
    with pytest.raises(Failed, match="too long"):
        ask.many([request("Write."), request("Write bad.")], concurrency=1)
    assert {received.mode for received in server.received} == {"json_schema"}


def test_prose_fences_and_thoughts_around_the_object(ask: Any, server: Any, scripts: ModuleType) -> None:
    good = '{"attributes": ["one", "two", " three\\u00a0mm "]}'
    content = '<think>{"attributes": []}</think>Here:\n```json\n' + good + "\n```"
    server.script = lambda _: scripts.Reply(scripts.completion(content))
    assert ask(structured="text").items == ("one", "two", "three mm")


@pytest.mark.parametrize(
    "reply",
    [
        {"body": "<html>Welcome</html>", "content_type": "text/html"},
        {"body": "\x00\x01nonsense"},
        {"body": b"\xff\xfe"},
        {"body": "[]"},
        {"body": "{}"},
        {"body": '{"choices": []}'},
        {"body": '{"choices": "x", "usage": 3}'},
        {"body": "null"},
    ],
)
def test_nonsense(ask: Any, server: Any, scripts: ModuleType, reply: dict[str, Any]) -> None:
    server.script = lambda _: scripts.Reply(**reply)
    with pytest.raises(Failed, match=r"not JSON|no chat completion"):
        ask(retries=1)
    assert len(server.received) == 2


def test_wrong_key_stops_everything_and_is_not_shown(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.error(401, f"Incorrect API key provided: {SECRET}")
    with pytest.raises(Fatal) as caught:
        ask.many([request(f"Write {i}.") for i in range(9)], concurrency=1)
    assert caught.value.code == "server-key-rejected"
    assert SECRET not in str(caught.value) and SECRET[:6] not in str(caught.value)
    assert len(server.received) == 1
    assert SECRET not in repr(Server(None, SECRET))


def test_an_error_that_repeats_the_key_is_scrubbed(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.error(500, f"key {SECRET} overloaded")
    with pytest.raises(Failed, match=r"key \*\*\* overloaded") as caught:
        ask(retries=0)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "server_code", "message", "code"),
    [
        (402, None, "Insufficient Balance", "server-no-credit"),
        (400, None, "Your credit balance is too low to access the API", "server-no-credit"),
        (429, "insufficient_quota", "You exceeded your current quota", "server-no-credit"),
        (400, "billing_hard_limit_reached", "Billing hard limit has been reached", "server-no-credit"),
        (403, None, "Country, region, or territory not supported", "server-forbidden"),
        (404, None, "The model `m` does not exist.", "server-unknown-model"),
        (429, None, "Rate limit reached for m on requests per day (RPD): Limit 200", "server-daily-limit"),
        (429, None, "Rate limit exceeded: free-models-per-day", "server-daily-limit"),
    ],
)
def test_a_status_that_ends_the_build(
    ask: Any,
    server: Any,
    scripts: ModuleType,
    status: int,
    server_code: str | None,
    message: str,
    code: str,
) -> None:
    server.script = lambda _: scripts.error(status, message, code=server_code)
    with pytest.raises(Fatal) as caught:
        ask.many([request(f"Write {i}.") for i in range(9)], concurrency=1)
    assert caught.value.code == code and caught.value.remedy and message in str(caught.value)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "server_code", "message", "code"),
    [
        (400, "context_length_exceeded", "reduce the length", "server-context-length"),
        (400, None, "This model's maximum context length is 512 tokens", "server-context-length"),
        (400, "exceed_context_size_error", "the request is too large", "server-context-length"),
        (400, None, "prompt is too long: 9000 tokens > 8192 maximum", "server-context-length"),
        (400, "content_filter", "The response was filtered", "server-content-filter"),
        (403, None, "m requires moderation. Your input was flagged for 'violence'", "server-content-filter"),
    ],
)
def test_a_status_that_ends_one_request(
    ask: Any,
    server: Any,
    scripts: ModuleType,
    status: int,
    server_code: str | None,
    message: str,
    code: str,
) -> None:
    def script(received: Any) -> Any:
        bad = "bad" in received.prompt
        return scripts.error(status, message, code=server_code) if bad else scripts.normal(received)

    server.script = script
    with pytest.raises(Failed) as caught:
        ask(request("Write bad."))
    assert caught.value.code == code and caught.value.remedy and message in str(caught.value)
    assert len(server.received) == 1
    ask(request("Write good."))  # the mode is still the first, and others succeed
    assert server.received[-1].mode == "json_schema"


def test_no_provider_for_an_option_is_a_rejected_format(ask: Any, server: Any, scripts: ModuleType) -> None:
    message = "No endpoints found that support the requested parameters"
    server.script = lambda r: scripts.error(404, message) if r.mode == "json_schema" else scripts.normal(r)
    ask()
    assert [received.mode for received in server.received] == ["json_schema", "json_object"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}, "server-wrong-address"),
        (404, "404 page not found", "server-wrong-address"),
        (
            500,
            {"error": {"message": "model requires more system memory (9 GiB) than is available (5 GiB)"}},
            "server-out-of-memory",
        ),
        (
            400,
            [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}],
            "server-key-rejected",
        ),
        (
            429,
            {"error": {"message": "quota", "details": [{"violations": [{"quotaId": "RequestsPerDay"}]}]}},
            "server-daily-limit",
        ),
        (
            402,
            {
                "error": {
                    "message": "requires more credits. You requested up to 16384, but can only afford 99"
                }
            },
            "server-no-credit",
        ),
    ],
)
def test_errors_of_services_that_end_the_build(
    ask: Any, server: Any, scripts: ModuleType, status: int, body: Any, code: str
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    server.script = lambda r: scripts.Reply(text, status)
    with pytest.raises(Fatal) as caught:
        ask()
    assert caught.value.code == code and len(server.received) == 1


def test_a_request_that_is_too_large_for_the_account_fails_alone(
    ask: Any, server: Any, scripts: ModuleType
) -> None:
    words = "Request too large for model m on tokens per minute (TPM): Limit 6000, Requested 8000"
    server.script = lambda r: scripts.error(413, words, code="rate_limit_exceeded")
    with pytest.raises(Failed) as caught:
        ask()
    assert caught.value.code == "server-context-length" and len(server.received) == 1


def test_what_a_service_calls_invalid_json_is_read(ask: Any, server: Any, scripts: ModuleType) -> None:
    written = 'Here: {"attributes": ["a dark spot", "a bright rim", "a grey band",]}'
    error = {
        "message": "Failed to generate JSON.",
        "code": "json_validate_failed",
        "failed_generation": written,
    }
    server.script = lambda r: scripts.Reply(json.dumps({"error": error}), 400)
    assert ask().items == ("a dark spot", "a bright rim", "a grey band")
    assert len(server.received) == 1


def test_an_account_that_can_pay_a_shorter_answer(ask: Any, server: Any, scripts: ModuleType) -> None:
    words = "needs more credits, or fewer max_tokens. You requested up to 65536, but can only afford 3000"

    def script(received: Any) -> Any:
        return (
            scripts.normal(received)
            if received.body.get("max_tokens", 65536) <= 3000
            else scripts.error(402, words)
        )

    server.script = script
    assert len(ask().items) == 3 and len(server.received) == 2
    assert server.received[1].body["max_tokens"] == 2700


def test_tokens_of_a_minute_are_waited_for(ask: Any, server: Any, scripts: ModuleType) -> None:
    words = "Too many tokens, please wait before trying again."
    server.script = once(lambda r: scripts.error(429, words, {"Retry-After": "0.1"}), scripts)
    assert len(ask().items) == 3 and len(server.received) == 2


@pytest.mark.parametrize("choices", ["[]", "null"])
def test_a_completion_without_a_choice_is_asked_again(
    ask: Any, server: Any, scripts: ModuleType, choices: str
) -> None:
    body = f'{{"object": "chat.completion", "choices": {choices}, "usage": {{"prompt_tokens": 9}}}}'
    server.script = once(lambda r: scripts.Reply(body), scripts)
    assert len(ask().items) == 3 and len(server.received) == 2


def test_seconds_in_the_words_of_a_429_are_waited(ask: Any, server: Any, scripts: ModuleType) -> None:
    server.script = once(lambda r: scripts.error(429, "Please try again in 300ms."), scripts)
    ask()
    first, second = server.received
    assert second.moment - first.moment >= 0.3


def test_an_address_that_never_gives_a_completion_ends_the_build(
    ask: Any, server: Any, scripts: ModuleType
) -> None:
    server.script = lambda r: scripts.Reply(
        "<!doctype html><title>Open WebUI</title>", content_type="text/html"
    )

    async def run() -> list[Any]:
        client = Client(Server(server.url.removesuffix("/v1"), None), prompts.load(), Ledger())
        asked = (client.ask(request(f"Write {i}."), "descriptive", "lump") for i in range(5))
        try:
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await client.close()

    errors = asyncio.run(run())
    assert len(server.received) == 3
    assert all(isinstance(error, Fatal) and error.code == "server-useless" for error in errors)
    assert f"{server.url}." in errors[0].remedy


def test_a_server_that_fails_from_the_start_ends_the_build(
    ask: Any, server: Any, scripts: ModuleType
) -> None:
    server.script = lambda r: scripts.error(500, "oops")

    async def run() -> list[Any]:
        client = Client(Server(server.url, None), prompts.load(), Ledger(), retries=1)
        asked = (client.ask(request(f"Write {i}."), "descriptive", "lump") for i in range(8))
        try:
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await client.close()

    codes = [error.code for error in asyncio.run(run())]
    assert set(codes) == {"server-unavailable", "server-useless"}
    assert codes.count("server-unavailable") == 2


def test_a_redirect_is_not_followed(ask: Any, server: Any, scripts: ModuleType) -> None:
    headers = {"Location": "https://example.org/v1/chat/completions"}
    server.script = lambda r: scripts.Reply("<html><title>Moved</title></html>", 308, headers)
    with pytest.raises(Fatal) as caught:
        ask()
    assert caught.value.code == "server-redirects" and "--base-url https://example.org/v1," in str(
        caught.value
    )
    assert len(server.received) == 1


def test_an_error_page_is_told_by_its_title(ask: Any, server: Any, scripts: ModuleType) -> None:
    page = "<html><head><title>No &amp; bad gateway</title></head><body><p>nginx</p></body></html>"
    server.script = lambda r: scripts.Reply(page, 502, content_type="text/html")
    with pytest.raises(Failed) as caught:
        ask(retries=0)
    assert "502: No & bad gateway (asked" in caught.value.what


def test_no_server_there(ledger: Ledger) -> None:
    async def run() -> None:
        client = Client(Server("http://user:pw@127.0.0.1:9/v1", None), prompts.load(), ledger, retries=1)
        try:
            await client.ask(request(), "descriptive", "lump")
        finally:
            await client.close()

    with pytest.raises(Fatal) as caught:
        asyncio.run(run())
    assert caught.value.code == "server-unreachable" and "127.0.0.1:9/v1" in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_server_that_is_not_there_is_tried_by_one_request_at_a_time(ledger: Ledger) -> None:
    async def run() -> list[Any]:
        client = Client(Server("http://127.0.0.1:9/v1", None), prompts.load(), ledger, retries=2)
        asked = (client.ask(request(f"Write {i}."), "descriptive", "lump") for i in range(8))
        try:
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await client.close()

    assert {error.code for error in asyncio.run(run())} == {"server-unreachable"}
    assert ledger.retries == {"connection lost": 2}


def test_concurrency_is_bounded(ask: Any, server: Any) -> None:
    server.latency = 0.2  # longer than a busy machine takes to send the others
    ask.many([request(f"Write {i}.") for i in range(20)], concurrency=4)
    assert server.most == 4


def test_token_limit_counts_failed_attempts(server: Any, scripts: ModuleType) -> None:
    server.script = lambda _: scripts.Reply(scripts.completion("prose"))
    ledger = Ledger(max_tokens=500)

    async def run() -> None:
        client = Client(Server(server.url, None), prompts.load(), ledger, repairs=50)
        try:
            await client.ask(request(), "descriptive", "lump")
        finally:
            await client.close()

    with pytest.raises(SpendingLimit) as caught:
        asyncio.run(run())
    assert "--max-tokens-total 500" in str(caught.value)
    assert ledger.usage.total <= 500
    assert ledger.usage == ledger.wasted
