"""Where the files that ship with the program are: `prompts/` and `data/`, in a checkout or in the wheel."""

from __future__ import annotations

from pathlib import Path


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder, for instance `resource("data", "cards")`."""
    package = Path(__file__).parents[1]
    packaged = package / "_resources"
    return (packaged if packaged.is_dir() else package.parent).joinpath(*parts)
