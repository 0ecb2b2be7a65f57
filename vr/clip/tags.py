"""open_clip's tags: which weights exist for an architecture, and which of them a file is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError

_log = logging.getLogger(__name__)
_QUICK = "-quickgelu"
_KEYS = ("mean", "std", "interpolation", "resize_mode", "fill_color")
_HUB_CACHE = "models--"
_SHORTEST_MARK = 4  # a shorter tag, such as "v1", may be anything in the name of a file


def tags_of(name: str) -> list[str]:
    """The tags of an architecture."""
    import open_clip

    return list(open_clip.list_pretrained_tags_by_model(name))


def entry(name: str, tag: str) -> dict[str, Any]:
    """Where the weights of a tag are and what they want; empty for an unknown one."""
    import open_clip

    values: dict[str, Any] = open_clip.get_pretrained_cfg(name, tag)
    return values


def tag_of_file(name: str, file: Path) -> tuple[str, dict[str, Any]] | None:
    """The tag whose weights a file is by its own name or its folder's, and the tag's entry; None if unknown.

    Known are a repository's name (also in the hub's cache), the name of the published file, and the tag.
    """
    names = {part.casefold() for part in (file.stem, file.parent.name)}
    names |= {
        part.removeprefix(_HUB_CACHE).split("--")[-1].casefold()
        for part in file.parts
        if part.startswith(_HUB_CACHE)
    }
    matches: list[tuple[int, str, dict[str, Any]]] = []
    for variant in _variants(name):
        for tag in tags_of(variant):
            values = entry(variant, tag)
            marks = {tag, Path(values.get("hf_hub", "").rstrip("/")).name, Path(values.get("url", "")).stem}
            marks = {
                m.casefold() for m in marks if len(m) >= _SHORTEST_MARK and m.casefold() != name.casefold()
            }
            length = max((len(mark) for mark in marks for n in names if _contains(n, mark)), default=0)
            if length:
                matches.append((length, tag, values))
    return max(matches, key=lambda match: match[0])[1:] if matches else None


def preprocessing_of_file(name: str, file: Path, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """The preprocessing of a weights file that has no configuration beside it.

    Args:
        values: the entry of its tag, or None; then what is assumed is logged: the values of all tags of the
            architecture where these agree, else OpenAI's.
    """
    if values is not None:
        return {key: values[key] for key in _KEYS if key in values}
    entries = [entry(name, tag) for tag in tags_of(name)]
    stated = [{key: values[key] for key in _KEYS if key in values} for values in entries]
    agreed = stated[0] if stated and all(values == stated[0] for values in stated) else {}
    _log.warning(
        "note: nothing beside %s says how it wants its images: %s is assumed. An open_clip_config.json in "
        "the same folder would say it.",
        file,
        f"the preprocessing of all published weights of {name}" if agreed else "OpenAI's preprocessing",
    )
    return agreed


def check_activation(name: str, label: str, quick_gelu: bool | None) -> None:
    """Check that weights were trained with the architecture's activation.

    Args:
        label: the weights as the user named them.
        quick_gelu: whether they were trained with QuickGELU; None where nothing says, and a doubt is logged.

    Raises:
        UserError: they were trained with the other one.
    """
    import open_clip

    has = bool(open_clip.get_model_config(name).get("quick_gelu", False))
    other = name.removesuffix(_QUICK) if name.endswith(_QUICK) else f"{name}{_QUICK}"
    with_, other_with = ("with", "without") if has else ("without", "with")
    if quick_gelu is None:
        if open_clip.get_model_config(other) is not None:
            _log.warning(
                "note: nothing says whether %s was trained with QuickGELU, and %s is %s it. If it was "
                "trained %s it, use --backbone %s: the features would be wrong otherwise.",
                label,
                name,
                with_,
                other_with,
                other,
            )
        return
    if quick_gelu != has:
        raise UserError(
            f"the weights '{label}' were trained {other_with} QuickGELU and {name} is {with_} it",
            code="backbone-other-activation",
            remedy=f"Use --backbone {other}; the features would be wrong otherwise.",
        )


def _variants(name: str) -> tuple[str, ...]:
    """The architecture, and the one that has the other activation."""
    return (name, name.removesuffix(_QUICK) if name.endswith(_QUICK) else f"{name}{_QUICK}")


def _contains(name: str, mark: str) -> bool:
    """Whether `mark` is the name, or one or several of its words."""
    start = name.find(mark)
    if start < 0:
        return False
    around = name[start - 1 : start] + name[start + len(mark) : start + len(mark) + 1]
    return not any(character.isalnum() for character in around)
