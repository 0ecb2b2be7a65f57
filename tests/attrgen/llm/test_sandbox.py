"""The sandbox of templates and the loop of its child process, run here: no template is harmful."""

from __future__ import annotations

import io
import json
import signal

import pytest

from attrgen.llm import render_child, sandbox
from attrgen.llm.sandbox import LONGEST_PROMPT, Rendered, render


def test_a_prompt_ends_in_one_line_break() -> None:
    assert render("\n {{ a }}{{ 2 * 3 }} \n\n", {"a": "x"}) == Rendered("x6\n")


@pytest.mark.parametrize(
    ("body", "words", "is_syntax", "line"),
    [
        ("a\n{% if %}", "Expected", True, 2),
        ("{{ unknown }}", "'unknown' is undefined", False, None),
        ("{{ a.__class__.__mro__ }}", "unsafe", False, None),
        ("{{ 10001 * 2 }}", "small numbers", False, None),
        ("{{ 2 ** 2 }}", "small numbers", False, None),
        ("{{ [] * 2 }}", "small numbers", False, None),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "calls itself", False, None),
        ("{{ 1 / 0 }}", "division by zero", False, None),
        (
            "{{ 'a' | center(" + str(3 * LONGEST_PROMPT) + ") }}b",
            "1,000,000 are the most",
            False,
            None,
        ),
    ],
)
def test_what_is_wrong_is_said(body: str, words: str, is_syntax: bool, line: int | None) -> None:
    rendered = render(body, {"a": "x"})
    assert words in rendered.error and rendered.text == ""
    assert (rendered.is_syntax, rendered.line) == (is_syntax, line)


def test_a_full_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(body: str) -> None:
        raise MemoryError

    monkeypatch.setattr(sandbox, "_compiled", full)
    assert render("a", {}).error == "it needs too much memory"


def test_the_child_answers_line_by_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = [["{{ a }}", {"a": "ü"}], ["{{ b }}", {}]]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(json.dumps(item) + "\n" for item in requests)))
    limited: list[bool] = []
    monkeypatch.setattr(render_child, "_limit_memory", lambda: limited.append(True))
    before = signal.getsignal(signal.SIGINT)
    try:
        render_child.main()
    finally:
        signal.signal(signal.SIGINT, before)
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answers == [["ü\n", "", False, None], ["", "'b' is undefined", False, None]]
    assert limited == [True]
