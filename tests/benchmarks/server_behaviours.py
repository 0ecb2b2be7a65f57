"""How a build fares with servers that behave in their own ways.

    python tests/benchmarks/server_behaviours.py [NAME ...] [--json FILE] [--before FILE]

Each behaviour is a script of the scripted server. A build of 20 lists of 10 texts runs against it with
default settings. The table has the requests made, the lists and texts that are lost, and the share of
requests after the first one that brought nothing. With `--messages`, the last line that the build
prints stands below each row. With `--before FILE`, what another version gave (its `--json`), the table of the
documentation is printed, with both.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

ATTRGEN = Path(__file__).parents[1] / "attrgen"
CLASSES, COUNT = 10, 10
LISTS = 2 * CLASSES
BAD = "the patient should be referred for further evaluation and biopsy"
LONGEST = 75  # seconds of one build
LATENCY = 0.2  # seconds of an answer, where it matters


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ATTRGEN / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


server = _load("scripted_server")
Script = Callable[[Any], Any]


@dataclass(frozen=True)
class Behaviour:
    """A script, the options of the build, a query of the base URL, and how many lists nobody could have."""

    script: Script
    options: tuple[str, ...] = ()
    query: str = ""
    impossible: int = 0
    runs: int = 1
    latency: float = 0.0


def strings(received: Any) -> list[str]:
    """Good texts for a request."""
    return list(server.texts(f"{received.question} {received.count} {received.repeats}", received.count))


def says(content: Callable[[Any], str], **fields: Any) -> Script:
    """A completion with that content."""
    return lambda received: server.Reply(server.completion(content(received), **fields))


def message(build: Callable[[Any], dict[str, Any]], finish: str = "stop") -> Script:
    """A completion whose message has fields of its own."""

    def script(received: Any) -> Any:
        value = json.loads(server.completion("", finish=finish))
        value["choices"][0]["message"] = {"role": "assistant", **build(received)}
        return server.Reply(json.dumps(value))

    return script


def unless(bad: Callable[[Any], bool], status: int, words: str, **fields: Any) -> Script:
    """An error where `bad` holds, else a good answer."""
    return lambda r: server.error(status, words, **fields) if bad(r) else server.normal(r)


def changed(change: Callable[[list[str]], Any]) -> Script:
    """An answer with changed strings."""
    return says(lambda r: json.dumps({"attributes": change(strings(r))}, ensure_ascii=False))


def text(change: Callable[[str, list[str]], str]) -> Script:
    """An answer whose JSON text is changed."""

    def content(received: Any) -> str:
        items = strings(received)
        return change(json.dumps({"attributes": items}), items)

    return says(content)


def first_only(script: Script) -> Script:
    """That script where only the first two messages are there, else a good answer."""
    return lambda r: script(r) if len(r.body["messages"]) <= 2 else server.normal(r)


def about(name: str) -> Callable[[Any], bool]:
    """Whether a request is about that class."""
    return lambda received: f'class \\"{name}\\"' in json.dumps(received.question)


def stream(received: Any) -> Any:
    """The answer as server-sent events."""
    content = server.answer(received)
    pieces = [content[i : i + 20] for i in range(0, len(content), 20)]
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    chunks += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    chunks += [{"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 50}}]
    lines = [f"data: {json.dumps({'model': 'm', 'object': 'chunk', **chunk})}\n\n" for chunk in chunks]
    return server.Reply("".join([*lines, "data: [DONE]\n\n"]), content_type="text/event-stream")


def only_streams(received: Any) -> Any:
    """Reject whoever does not ask for a stream."""
    if received.body.get("stream"):
        return stream(received)
    return server.error(400, "This model only supports stream mode, please enable the stream parameter")


def ignores_format(received: Any) -> Any:
    """Accept `response_format` without reading it: answer with JSON only if the prompt asks for it."""
    if "JSON" in received.prompt:
        return server.normal(received)
    return server.Reply(server.completion("Here are some ideas: " + "; ".join(server.texts("x", 10))))


def limited(most: int, headers: dict[str, str] | None = None) -> Script:
    """Answer 429, and at once, to more than so many requests at the same time."""
    rejection = replace(server.error(429, "Too many requests", headers), delay=-LATENCY)
    return lambda r: rejection if r.active > most else server.normal(r)


def loading(seconds: float) -> Script:
    """Answer 503 until that long after the first request."""
    began: list[float] = []

    def script(received: Any) -> Any:
        began[:] = began or [time.monotonic()]
        ready = time.monotonic() - began[0] > seconds
        return server.normal(received) if ready else server.error(503, "Loading model")

    return script


def one_worker(seconds: float) -> Script:
    """One request at a time: each waits for those before it."""
    free = [0.0]

    def script(received: Any) -> Any:
        now = time.monotonic()
        free[0] = max(now, free[0]) + seconds
        return server.Reply(server.completion(server.answer(received)), delay=free[0] - now)

    return script


def no_usage(received: Any) -> Any:
    """Leave out the tokens."""
    value = json.loads(server.completion(server.answer(received)))
    del value["usage"]
    return server.Reply(json.dumps(value))


def error_within(received: Any) -> Any:
    """Every fifth response has status 200 and an error in it."""
    if received.number % 5 == 1:
        return server.Reply(json.dumps({"error": {"code": 502, "message": "Provider returned error"}}))
    return server.normal(received)


def fails_at_first(status: int, body: Any, headers: dict[str, str] | None = None) -> Script:
    """That response to the first request, good answers to the others."""
    reply = server.Reply(json.dumps(body), status, headers or {})
    return lambda r: reply if r.number == 0 else server.normal(r)


def always(status: int, body: Any) -> Script:
    """That response to every request."""
    return lambda r: server.Reply(body if isinstance(body, str) else json.dumps(body), status)


def invalid_json(received: Any) -> Any:
    """Call an answer with a slip an error, and put it there."""
    written = server.answer(received).replace("]}", ",]}")
    error = {
        "message": "Failed to generate JSON",
        "code": "json_validate_failed",
        "failed_generation": written,
    }
    return server.Reply(json.dumps({"error": error}), 400) if schema(received) else server.normal(received)


def pays_less(received: Any) -> Any:
    """Want the price of the longest answer in advance."""
    words = "requires more credits, or fewer max_tokens. You requested up to 65536, but can only afford 5000"
    enough = received.body.get("max_tokens", 65536) <= 5000
    return server.normal(received) if enough else server.error(402, words)


def quota(limit: str) -> dict[str, Any]:
    """Google's error about a limit."""
    violation = {"violations": [{"quotaId": f"GenerateRequests{limit}PerProjectPerModel-FreeTier"}]}
    details = [violation, {"retryDelay": "2.5s"}]
    return {"error": {"code": 429, "message": "You exceeded your current quota", "details": details}}


def echoes(received: Any) -> Any:
    """Repeat an example of the prompt as the first text."""
    quoted = re.search(r'Good: "([^"]+)"', received.question)
    items = strings(received)
    if quoted and len(received.body["messages"]) == 2:
        items[0] = quoted[1]
    return server.Reply(server.completion(json.dumps({"attributes": items})))


def endless(received: Any) -> Any:
    """The second request runs away until the token limit."""
    if received.number == 1:
        return server.Reply(server.completion('{"attributes": ["' + "shape_" * 900, finish="length"))
    return server.normal(received)


def thinks_too_long(received: Any) -> Any:
    """Think until the server's own limit, so that nothing is left for the answer."""
    if received.body.get("max_tokens", 256) >= 4096:
        return server.normal(received)
    value = json.loads(server.completion("", finish="length"))
    value["choices"][0]["message"]["reasoning_content"] = "let me think about the look of it " * 20
    return server.Reply(json.dumps(value))


def cut(received: Any) -> Any:
    """Cut the answer at the server's own limit."""
    content = server.answer(received)
    if received.body.get("max_tokens", 256) >= 4096 or len(content) < 600:
        return server.normal(received)
    return server.Reply(server.completion(content[:600], finish="length"))


def option(name: str, words: str) -> Script:
    """Reject a field of the body."""
    return unless(lambda r: name in r.body, 400, words)


def system_role(received: Any) -> bool:
    return bool(received.body["messages"][0]["role"] == "system")


def structured(received: Any) -> bool:
    return "response_format" in received.body


def schema(received: Any) -> bool:
    return bool(received.mode == "json_schema")


def fails_checks(times: int) -> Script:
    """One text of each list fails the checks until it was sent back so often."""

    def content(received: Any) -> str:
        items = strings(received)
        if len(received.body["messages"]) < 2 + 2 * times:
            items[0] = BAD
        return json.dumps({"attributes": items})

    return says(content)


def stubborn(received: Any) -> Any:
    """Every text of one class fails the checks until the list was asked for twelve times."""
    if about("finding 3")(received) and received.number < LISTS + 4:
        bad = [f"{BAD} {i}" for i in range(received.count)]
        return server.Reply(server.completion(json.dumps({"attributes": bad})))
    return server.normal(received)


FENCED = "```json\n{}\n```"
BEHAVIOURS: dict[str, Behaviour] = {
    "well-behaved": Behaviour(server.normal),
    "rejects json_schema (400)": Behaviour(
        unless(schema, 400, "This response_format type is unavailable now")
    ),
    "rejects every response_format": Behaviour(
        unless(structured, 400, "Unrecognized request argument: response_format")
    ),
    "ignores response_format": Behaviour(ignores_format),
    "schema rejected by its sizes (400)": Behaviour(
        unless(schema, 400, "output_config.format.schema: For 'array' type, 'maxItems' is not supported")
    ),
    "schema fails in its grammar (500)": Behaviour(unless(schema, 500, "failed to parse grammar")),
    "schema fails without a word (500)": Behaviour(unless(schema, 500, "Internal Server Error")),
    "no endpoint for a schema (404)": Behaviour(
        unless(schema, 404, "No endpoints found that can handle the requested parameters")
    ),
    "unprocessable schema (422)": Behaviour(unless(schema, 422, "json_schema: extra fields not permitted")),
    "max_completion_tokens instead": Behaviour(
        option(
            "max_tokens",
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        ),
        ("--max-tokens", "2000"),
    ),
    "no temperature": Behaviour(
        option("temperature", "Unsupported value: 'temperature' does not support 0.5 with this model."),
        ("--temperature", "0.5"),
    ),
    "no seed": Behaviour(option("seed", "Unsupported parameter: seed"), ("--seed", "1")),
    "no system role": Behaviour(unless(system_role, 400, "System role not supported")),
    "streams only": Behaviour(only_streams),
    "streams always": Behaviour(stream),
    "thoughts in a field of their own": Behaviour(
        message(lambda r: {"content": server.answer(r), "reasoning_content": "hm [1] {2}"})
    ),
    "answer within the thoughts": Behaviour(
        message(lambda r: {"content": None, "reasoning_content": f"So: {server.answer(r)}"})
    ),
    "content in parts": Behaviour(
        message(
            lambda r: {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": server.answer(r)},
                ]
            }
        )
    ),
    "answer as a tool call": Behaviour(
        message(
            lambda r: {
                "content": None,
                "tool_calls": [{"function": {"name": "f", "arguments": server.answer(r)}}],
            }
        )
    ),
    "thoughts before": Behaviour(text(lambda t, _: f'<think>{{"attributes": ["x"]}}</think>\n{t}')),
    "thoughts before, start tag missing": Behaviour(text(lambda t, _: f'{{"attributes": ["x"]}}</think>{t}')),
    "thoughts after": Behaviour(text(lambda t, _: f'{t}\n<think>or {{"attributes": ["x"]}}?')),
    "prose and fence": Behaviour(
        text(lambda t, _: "Sure!\n" + FENCED.replace("{}", t) + "\nHope this helps.")
    ),
    "cut at the server's limit": Behaviour(cut),
    "thinks until the server's limit": Behaviour(thinks_too_long),
    "cut without saying so": Behaviour(first_only(text(lambda t, _: t[: int(len(t) * 0.8)]))),
    "content filter on a class (200)": Behaviour(
        lambda r: (
            server.Reply(server.completion("", finish="content_filter"))
            if about("finding 3")(r)
            else server.normal(r)
        ),
        impossible=2,
    ),
    "content filter on a class (400)": Behaviour(
        unless(about("finding 3"), 400, "The response was filtered", code="content_filter"), impossible=2
    ),
    "moderation on a class (403)": Behaviour(
        unless(about("finding 3"), 403, "Your input was flagged: requires moderation"), impossible=2
    ),
    "refuses a class": Behaviour(
        lambda r: (
            server.Reply(server.completion(None, refusal="I cannot help"))
            if about("finding 3")(r)
            else server.normal(r)
        ),
        impossible=2,
    ),
    "errors within 200": Behaviour(error_within),
    "api-version in the URL": Behaviour(
        lambda r: (
            server.normal(r)
            if r.path.endswith("/v1/chat/completions?api-version=2024-10-21")
            else server.error(404, "Resource not found")
        ),
        query="?api-version=2024-10-21",
    ),
    "7 of 10": Behaviour(first_only(changed(lambda items: items[:7]))),
    "7 of 10, never more": Behaviour(lambda r: changed(lambda items: server.texts(r.question, 7))(r)),
    "12 of 10": Behaviour(changed(lambda items: [*items, "one more pale spot", "another pale spot"])),
    "a text twice": Behaviour(first_only(changed(lambda items: [*items[:-1], items[0]]))),
    "a number among the texts": Behaviour(first_only(changed(lambda items: [*items[:-1], 7]))),
    "other keys beside": Behaviour(text(lambda t, _: '{"class": "x", ' + t[1:])),
    "another key": Behaviour(text(lambda t, _: t.replace("attributes", "descriptions"))),
    "a bare list": Behaviour(text(lambda _, items: json.dumps(items))),
    "objects as items": Behaviour(changed(lambda items: [{"id": 1, "description": item} for item in items])),
    "trailing commas": Behaviour(text(lambda t, _: t.replace("]}", ",],}"))),
    "typographic quotes": Behaviour(
        text(lambda _, items: "{“attributes”: [" + ", ".join(f"“{i}”" for i in items) + "]}")
    ),
    "raw line breaks": Behaviour(text(lambda t, _: t.replace(" with ", " \nwith "))),
    "single quotes": Behaviour(text(lambda _, items: str({"attributes": items}))),
    "a numbered list": Behaviour(
        text(lambda _, items: "\n".join(f"{i}. {item}" for i, item in enumerate(items, 1)))
    ),
    "429 above 3 at once": Behaviour(limited(3, {"Retry-After": "1"}), latency=LATENCY),
    "429 above 3, no Retry-After": Behaviour(limited(3), latency=LATENCY),
    "loading for 4 s (503)": Behaviour(loading(4)),
    "one worker, 3 s": Behaviour(one_worker(3)),
    "one worker, 1 s, time-out 5 s": Behaviour(one_worker(1), ("--timeout", "5")),
    "one in ten is a 500": Behaviour(unless(lambda r: r.number % 10 == 3, 500, "oops")),
    "tokens not counted": Behaviour(no_usage),
    "a text fails the checks": Behaviour(fails_checks(1)),
    "a class fails the checks, run twice": Behaviour(stubborn, runs=2),
    "daily limit": Behaviour(
        unless(lambda r: r.number >= 5, 429, "Rate limit reached: requests per day (RPD): Limit 5"),
        impossible=15,
    ),
    "wrong path (200 with an error)": Behaviour(
        always(200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}), impossible=20
    ),
    "a web page (200)": Behaviour(always(200, "<!doctype html><title>Open WebUI</title>"), impossible=20),
    "redirects to https": Behaviour(
        lambda r: server.Reply("", 308, {"Location": "https://example.org/v1/chat/completions"}),
        impossible=20,
    ),
    "model too large for the machine (500)": Behaviour(
        always(500, {"error": {"message": "model requires more system memory (9 GiB) than is available"}}),
        impossible=20,
    ),
    "bad key as a list (400)": Behaviour(
        always(400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}]),
        impossible=20,
    ),
    "wait in the details (429)": Behaviour(fails_at_first(429, [quota("PerMinute")])),
    "daily limit in the details (429)": Behaviour(always(429, [quota("PerDay")]), impossible=20),
    "wait in words (429)": Behaviour(
        fails_at_first(429, {"error": {"message": "Rate limit reached. Please try again in 1.5s."}})
    ),
    "loading with an estimated time (503)": Behaviour(
        fails_at_first(503, {"error": "Model m is currently loading", "estimated_time": 2.0})
    ),
    "its own check of the JSON (400)": Behaviour(invalid_json),
    "price of the longest answer (402)": Behaviour(pays_less),
    "a completion without a choice": Behaviour(
        lambda r: (
            server.Reply(json.dumps({"object": "chat.completion", "choices": [], "usage": {}}))
            if r.number == 1
            else server.normal(r)
        )
    ),
    "repeats the prompt's example": Behaviour(echoes),
    "an answer without end": Behaviour(endless),
    "no credit (402)": Behaviour(unless(lambda r: True, 402, "Insufficient credits"), impossible=20),
    "unknown model (404)": Behaviour(
        unless(lambda r: True, 404, "The model 'm' does not exist"), impossible=20
    ),
    "context too short (400)": Behaviour(
        unless(lambda r: True, 400, "maximum context length is 512 tokens"), ("--retries", "1"), impossible=20
    ),
    "key rejected (401)": Behaviour(unless(lambda r: True, 401, "Incorrect API key"), impossible=20),
}


@dataclass(frozen=True)
class Row:
    """What came of a behaviour."""

    name: str
    requests: int
    lost: int
    texts: int
    wasted: float
    seconds: float
    message: str

    def line(self) -> str:
        return (
            f"| {self.name} | {self.requests} | {self.lost} | {self.texts} | {self.wasted:.0%} | "
            f"{self.seconds:.0f} |"
        )


def table(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> str:
    """The table of the documentation: before → after."""
    earlier = {row["name"]: row for row in before}
    lines = ["| behaviour | requests | lists lost | of no use | at the end |", "|---|---|---|---|---|"]
    for row in after:
        old = earlier[row["name"]]
        cells = [f"{old['requests']} → {row['requests']}", f"{old['lost']} → {row['lost']}"]
        cells += [f"{old['wasted']:.0%} → {row['wasted']:.0%}", _ending(row)]
        if _ending(old) != _ending(row):
            cells[-1] = f"before: {_ending(old)}; now: {_ending(row)}"
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ending(row: dict[str, Any]) -> str:
    """The last message of a build, in short."""
    message = row["message"].removeprefix("error: ").replace("out.json: ", "")
    if message.startswith("written"):
        return "written"
    message = re.sub(r"http://127\.0\.0\.1:\d+", "http://…", message).split(". ")[0].strip(" .:")
    return message.replace("|", "/")[:160]


def card(path: Path) -> None:
    """A dataset of ten classes."""
    head = 'name = "many"\ntitle = "Many"\nmodality = "photo"\nshows = "a finding"\n'
    names = (f'\n[[classes]]\nname = "finding {i}"\nfolder = "finding_{i}"\n' for i in range(CLASSES))
    path.write_text(head + "".join(names))


def measure(name: str, behaviour: Behaviour) -> Row:
    """Build against one behaviour."""
    good: list[bool] = []
    received: list[Any] = []

    def recorded(request: Any) -> Any:
        received.append(request)
        reply = behaviour.script(request)
        good.append(reply.status == 200 and b'"error"' not in str(reply.body)[:12].encode())
        return reply

    with tempfile.TemporaryDirectory() as folder, server.Server(recorded, behaviour.latency) as running:
        card(Path(folder, "many.toml"))
        words = [
            "build",
            "--dataset",
            "many.toml",
            "--base-url",
            running.url + behaviour.query,
            "--model",
            "m",
        ]
        words += ["--kinds", "descriptive,distinctive", "--out", "out.json", *behaviour.options]
        began = time.monotonic()
        for _ in range(behaviour.runs):
            said = _run(folder, words)
        seconds = time.monotonic() - began
        out = Path(folder, "out.json")
        classes = json.loads(out.read_text())["classes"] if out.exists() else {}
        sizes = [len(texts) for kinds in classes.values() for texts in kinds.values() if texts]
        lost = LISTS - len(sizes) - behaviour.impossible
        texts = max(0, COUNT * (LISTS - behaviour.impossible) - sum(sizes))
        wasted = _wasted(received, good)
        return Row(name, len(good), lost, texts, wasted, seconds, said)


def _wasted(received: list[Any], good: list[bool]) -> float:
    """The share of requests after the first one that were no use.

    Of use are the first good answer to each question, good answers to requests for fewer strings (which add
    to a list or replace some of it), and one request for each question that is never answered.
    """
    answered: set[str] = set()
    useful = []
    never = {item.question for item in received} - {
        item.question for item, fine in zip(received, good, strict=True) if fine
    }
    for item, fine in zip(received, good, strict=True):
        useful.append(
            (fine and (item.count < COUNT or item.question not in answered)) or item.question in never
        )
        answered |= {item.question} if fine else set()
        never.discard(item.question)
    return useful[1:].count(False) / max(1, len(useful) - 1)


def _run(folder: str, words: list[str]) -> str:
    """Run the command line in this process, which imports everything once; gives its last line."""
    from attrgen import cli

    def stop(*_: object) -> None:
        raise TimeoutError

    out, before, status = io.StringIO(), Path.cwd(), 0
    os.chdir(folder)
    sys.argv = ["attrgen", *words]
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            cli.main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except TimeoutError:
        return f"(stopped after {LONGEST} s)"
    finally:
        signal.alarm(0)
        os.chdir(before)
    lines = [line.strip() for line in out.getvalue().splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return (errors[-1] if status and errors else lines[-1])[:300]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--messages", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--before", type=Path)
    args = parser.parse_args()
    print("| behaviour | requests | lists lost | texts lost | wasted after the first | seconds |")
    print("|---|---|---|---|---|---|", flush=True)
    rows = []
    for name, behaviour in BEHAVIOURS.items():
        if args.names and not any(word in name for word in args.names):
            continue
        row = measure(name, behaviour)
        rows.append(vars(row))
        print(row.line(), flush=True)
        if args.messages:
            print(f"    {row.message}", flush=True)
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    assert rows, "no such behaviour"
    if args.before:
        print(table(json.loads(args.before.read_text()), rows))


if __name__ == "__main__":
    main()
