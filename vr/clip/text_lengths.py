"""Texts that a backbone cannot read to their end, told before its weights are loaded."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError, one_or_many
from attrgen.schema import attribute_set
from attrgen.schema.card import Card
from vr.clip import source, text_files

_SHOWN = 60  # characters of a text that is too long
# Fewer bytes per token than in any usual language: shorter texts are left to the check at encoding.
_BYTES_PER_TOKEN = 1.5


def count_tokens(tokenizer: Any, text: str) -> int:
    """Tokens of a text in a tokenizer's vocabulary, start and end tokens included.

    The text is cleaned first, as the tokenizer cleans it.
    """
    if hasattr(tokenizer, "encode"):  # open_clip's own, which cleans by itself
        return len(tokenizer.encode(text)) + 2
    cleaned = tokenizer.clean_fn(text)
    if tokenizer.tokenizer_mode == "clips":  # start, end and class token
        return len(tokenizer.tokenizer(cleaned, add_special_tokens=False)["input_ids"]) + 3
    return len(tokenizer.tokenizer(cleaned)["input_ids"])


def too_long(text: str, tokens: int, name: str, context: int, **where: Any) -> UserError:
    """The error for a text of more tokens than a backbone reads; `where` as for `UserError`."""
    shown = textwrap.shorten(text, _SHOWN, placeholder=" …") if " " in text else f"{text[:_SHOWN]}…"
    return UserError(
        f"a text has {tokens} tokens and {name} reads {context}: '{shown}'",
        code="backbone-text-too-long",
        remedy="Shorten the text; a cut sentence would mean something else.",
        **where,
    )


def check_lengths(file: Path, card: Card, kinds: tuple[str, ...], name: str) -> None:
    """Check that a backbone reads every text of some kinds to its end.

    Args:
        file: the attribute set; classes that the card does not have are not checked.
        name: of the backbone, which is not loaded.

    Raises:
        UserError: some texts are too long, by line and class; or there is no such backbone.
    """
    located = attribute_set.read(file)
    entries = [
        entry
        for entry in located.set.entries()
        if entry.kind in kinds and card.find_class(entry.class_name) is not None
    ]
    configuration, folder = source.configuration_of(name)
    least = _BYTES_PER_TOKEN * int(configuration.text.get("context_length", 77))
    suspects = [entry for entry in entries if len(entry.text.encode()) > least]
    if not suspects:
        return
    tokenizer = text_files.tokenizer(configuration, name=name, folder=folder)
    errors = []
    for entry in suspects:
        tokens, context = count_tokens(tokenizer, entry.text), int(tokenizer.context_length)
        if tokens > context:
            where = {"file": file, "line": located.json.line(entry.path), "class_name": entry.class_name}
            errors.append(too_long(entry.text, tokens, name, context, **where))
    if errors:
        raise one_or_many(errors)
