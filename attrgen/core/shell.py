"""Commands in messages, quoted so that they work when they are pasted."""

from __future__ import annotations

import shlex
from pathlib import Path


def command(*words: str | Path) -> str:
    """A command line between backticks; every word is quoted as a shell reads it.

    A command in a message is always made here: a test reproduces the situation of each call and runs what
    was printed.

    Args:
        words: the program, its sub-command, and all arguments that the situation asks for: no placeholders.
    """
    return f"`{shlex.join(str(word) for word in words)}`"
