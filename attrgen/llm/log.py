"""A log of requests and raw answers: one JSON object per line, without headers and secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.llm.transport import Log


def opened(path: Path) -> Log:
    """A log that appends to a file; only its owner may read it.

    Raises:
        UserError: the file cannot be written.
    """

    def write(record: Mapping[str, Any]) -> None:
        _append(path, json.dumps(record, ensure_ascii=False) + "\n")

    _append(path, "")
    return write


def _append(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            if new:
                path.chmod(0o600)
            file.write(text)
    except OSError as error:
        raise UserError(
            f"the log cannot be written: {error.strerror or error}",
            code="log-unwritable",
            file=path,
            remedy="Choose another file with --log.",
        ) from error
