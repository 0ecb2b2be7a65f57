"""Jinja in a sandbox: templates that are shared between people see their variables and nothing else.

Imported by the child process of `attrgen.llm.rendering` as well, so it imports nothing of this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

LONGEST_PROMPT = 1_000_000  # characters
_LARGEST = 10_000  # of a factor in a template


class Rendered(NamedTuple):
    """The text of a prompt; or what is wrong with its template, and the line where that is known."""

    text: str = ""
    error: str = ""
    is_syntax: bool = False
    line: int | None = None


def render(body: str, values: Mapping[str, Any]) -> Rendered:
    """Render a template's body in this process. It may loop for long and use much memory."""
    try:
        text = _compiled(body).render(values).strip() + "\n"
    except TemplateSyntaxError as error:
        return Rendered(error=error.message or str(error), is_syntax=True, line=error.lineno)
    except TemplateError as error:
        return Rendered(error=error.message or str(error))
    except RecursionError:
        return Rendered(error="it calls itself too often")
    except MemoryError:
        return Rendered(error="it needs too much memory")
    except Exception as error:  # whatever an expression of a template raises
        return Rendered(error=str(error) or type(error).__name__)
    if len(text) > LONGEST_PROMPT:
        return Rendered(error=f"the prompt has {len(text):,} characters, and {LONGEST_PROMPT:,} are the most")
    return Rendered(text)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, which guards attributes and loops, and that no product fills the memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        small = all(isinstance(value, int | float) and abs(value) <= _LARGEST for value in (left, right))
        if operator != "*" or not small:
            raise SecurityError(f"'{operator}' is for products of small numbers only")
        return super().call_binop(context, operator, left, right)


@lru_cache(maxsize=64)
def _compiled(body: str) -> Template:
    environment = _Sandbox(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(body)
