"""Values that no field of a file expects."""

from __future__ import annotations

import os
from random import Random
from typing import Any

CANARY = "fuzz-canary-ran"  # the file that a planted command would create in the working folder
ELEMENT = f"<script>{CANARY}</script>".encode()  # what a page must never hold
# What must never be shown. The texts have the shapes of real ones.
SECRETS = (
    "sk-proj-FUZZ0123456789abcdefghijklmnop",
    "hf_FUZZabcdefghijklmnopqrstuvwxyz0123",
    "fuzz-user:FUZZ-pass-word",
)
ENVIRONMENT = {"OPENAI_API_KEY": SECRETS[0], "HF_TOKEN": SECRETS[1]}
_PLANTED = (
    SECRETS[0],
    SECRETS[1],
    f"Authorization: Bearer {SECRETS[0]}",
    f"https://{SECRETS[2]}@example.org/v1?api_key={SECRETS[0]}",
)
_COMMANDS = (
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"; touch {CANARY} ;",
    f"| touch {CANARY}",
    f"--help; touch {CANARY}",
    f"__import__('os').system('touch {CANARY}')",
    f"{{{{ cycler.__init__.__globals__.os.system('touch {CANARY}') }}}}",
    f"!!python/object/apply:os.system ['touch {CANARY}']",
    f"cos\nsystem\n(S'touch {CANARY}'\ntR.",
    f"=cmd|'/C touch {CANARY}'!A0",
    f"hf-hub:../../{CANARY}",
    f"<img src=x onerror=fetch('{CANARY}')>{ELEMENT.decode()}",
    "](javascript:alert(1)) <!-- ![x](http://192.0.2.1/x.png)",
)
_TEXTS = (
    "",
    " ",
    "\x1b[2J\x1b]0;owned\x07",
    "a\x00b",
    "line\nbreak",
    "tab\tand\rreturn",
    "\u202eright to left",
    "\ud800",
    "\ufffe\uffff",
    "e\u0301" * 20,
    "x" * 10_000,
    "../../../etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    "C:\\Windows\\x",
    "-1",
    "1e999",
    "0x10",
    "nan",
    "9" * 500,
    "%s%n{0}{x.__class__}",
    "(a+)+$",
    "([a-z_]+)+#",
    "(.|..)+#",
    "(?P<x>",
    "other",
    "\\",
    "'",
    '"',
)
_NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    -(2**63),
    10**15,
    10**30,
    10**400,
    0.5,
    -0.0,
    1e-320,
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
)


def value(rng: Random, *, depth: int = 0) -> Any:
    """A hostile value: a wrong type, an extreme number, a text that should be shown or run by nobody."""
    kind = rng.randrange(12)
    if kind < 4:
        return text(rng)
    if kind < 7:
        return rng.choice(_NUMBERS)
    if kind < 9:
        return rng.choice((None, True, False, [], {}, [None], {"": ""}, [[]], {"a": None}))
    if kind == 9:
        return nested(rng.choice((5, 50, 150, 400)), as_list=rng.random() < 0.5)
    if depth < 2:
        number = rng.choice((1, 2, 3, 30))
        if kind == 10:
            return [value(rng, depth=depth + 1) for _ in range(number)]
        return {text(rng): value(rng, depth=depth + 1) for _ in range(number)}
    return text(rng)


def text(rng: Random) -> str:
    """A hostile text."""
    return rng.choice(rng.choice((_PLANTED, _COMMANDS, _TEXTS, _TEXTS)))


def planted(rng: Random) -> str:
    """A key, a token or a password, and a command that would leave the canary, in one text."""
    return f"{rng.choice(_PLANTED)} {rng.choice(_COMMANDS[:-1])}"


def nested(depth: int, *, as_list: bool = True) -> Any:
    """A list in a list, or an object in an object, so often."""
    result: Any = "bottom"
    for _ in range(depth):
        result = [result] if as_list else {"k": result}
    return result


class Executing:
    """An object whose pickle, when it is loaded, creates the canary."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {CANARY}",)
