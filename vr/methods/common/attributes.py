"""Banks of attributes: which texts of the set are read, and the anchor that ties each to its class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card, CardClass
from vr.clip.bank import Bank
from vr.clip.text_embeddings import embed_bank
from vr.methods.common.base import Context
from vr.methods.common.options import PLACEHOLDER


def attribute_bank(context: Context, texts: Sequence[Sequence[str]], template: str = "") -> Bank:
    """The bank of each class's texts; it holds them as they are, and the embeddings of the anchored ones.

    Args:
        texts: by class in label order.
        template: the anchor, or an empty string.

    Raises:
        UserError: an anchored text is longer than the model's context.
    """
    sentences = anchored(context.card, texts, template, context.attributes)
    bank = embed_bank(context.backbone, sentences)
    return Bank(bank.embeddings, bank.present, tuple(tuple(lines) for lines in texts))


def described_classes(
    card: Card, texts: Sequence[Sequence[str]], attributes: AttributeSet
) -> list[list[int | None]]:
    """The position of the class that each text of each class describes; None: no class of the card."""
    described = _described(card, attributes)
    positions = {entry.name: label for label, entry in enumerate(card.classes)}
    result: list[list[int | None]] = []
    for owner, lines in zip(card.classes, texts, strict=True):
        others = (described.get((owner.name, text)) for text in lines)
        result.append([None if other is None else positions[other.name] for other in others])
    return result


def anchored(
    card: Card, texts: Sequence[Sequence[str]], template: str, attributes: AttributeSet | None = None
) -> list[list[str]]:
    """The sentences that are encoded for the texts of each class.

    A text stays as it is where it names a class that the template would insert, in any of its spellings, or
    where `{other}` is asked for and the text describes no class of the card.

    Args:
        attributes: tells which class a text describes, for `{other}`.
    """
    if not template:
        return [list(lines) for lines in texts]
    described = _described(card, attributes)
    result = []
    for owner, lines in zip(card.classes, texts, strict=True):
        others = (described.get((owner.name, text), described.get(("", text))) for text in lines)
        pairs = zip(lines, others, strict=True)
        result.append([_sentence(card, template, text, owner, other) for text, other in pairs])
    return result


def _sentence(card: Card, template: str, text: str, owner: CardClass, other: CardClass | None) -> str:
    inserted = {"class": owner, "other": other}
    asked = [inserted[name] for name in PLACEHOLDER.findall(template) if name in inserted]
    if any(entry is None or _names(text, entry) for entry in asked):
        return text
    values: dict[str, Any] = {"text": text, "modality": card.modality, "class": owner.name}
    if other is not None:
        values["other"] = other.name
    return PLACEHOLDER.sub(lambda match: values[match.group(1)], template)


def _names(text: str, entry: CardClass) -> bool:
    """Whether a text contains the name or an alias of a class as whole words."""
    names = (re.escape(name) for name in (entry.name, *entry.aliases))
    return re.search(rf"(?<!\w)({'|'.join(names)})(?!\w)", text, re.IGNORECASE) is not None


def _described(card: Card, attributes: AttributeSet | None) -> dict[tuple[str, str], CardClass]:
    """By class and text, the class of the card that the text describes; by "" and text for other classes.

    A confusion attribute describes the confused class. Texts that describe no class of the card are absent.
    """
    classes = {entry.name: entry for entry in card.classes}
    described: dict[tuple[str, str], CardClass] = {}
    for entry in attributes.entries() if attributes is not None else ():
        name = entry.class_name if entry.confused is None else entry.confused
        if name in classes:
            for owner in (entry.class_name, ""):
                described.setdefault((owner, entry.text), classes[name])
    return described
