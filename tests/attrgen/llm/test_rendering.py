"""A user's template has ten seconds and a gigabyte, and no way out of its sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from attrgen.llm.rendering import Renderer


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    made = Renderer(seconds=2.0)
    yield made
    made.close()


def test_it_renders_as_the_sandbox_does(renderer: Renderer) -> None:
    values = {"class_name": "zyste ü", "classes": ["a", "b"], "stain": None}
    rendered = renderer.render("{{ class_name }}: {{ classes | join(', ') }}{{ stain is none }}", values)
    assert rendered == ("zyste ü: a, bTrue\n", "", False, None)


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '{:>9999999999}'.format(1) }}",
        "{{ 'a' | center(9999999999) }}",
        "{% set x = namespace(v='xxxxxxxx') %}{% for i in range(60) %}{% set x.v = x.v ~ x.v %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ lipsum(n=9999999) }}",
        "{{ 'x' * 99999999 }}",
        "{{ 'a' | center(2000000) }}b",
    ],
)
def test_a_template_that_has_no_end(renderer: Renderer, body: str) -> None:
    rendered = renderer.render(body, {})
    assert rendered.error and not rendered.text
    assert renderer.render("still {{ here }}", {"here": "here"}).text == "still here\n"


def test_a_line_of_a_wrong_syntax(renderer: Renderer) -> None:
    rendered = renderer.render("one\n{% if %}", {})
    assert rendered.is_syntax and rendered.line == 2


def test_a_template_reaches_nothing(
    renderer: Renderer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jinja2.py").write_text("open('ran', 'w')")  # a module of the working folder
    for body in (
        "{{ cycler.__init__.__globals__.os.system('touch ran') }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ self._TemplateReference__context.environment }}",
        "{% include '/etc/passwd' %}",
    ):
        assert renderer.render(body, {}).error
    assert list(tmp_path.iterdir()) == [tmp_path / "jinja2.py"]
