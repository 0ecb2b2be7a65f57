"""An attribute set and a card: the classes under the card's names, and whether the set has what is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrgen.core.errors import UserError, one_or_many
from attrgen.core.names import did_you_mean
from attrgen.core.shell import command
from attrgen.schema.attribute_set import OTHER, AttributeSet, ClassAttributes
from attrgen.schema.card import Card
from attrgen.schema.filling import how_to_fill


def for_card(
    attributes: AttributeSet, card: Card, *, file: str | Path | None = None, dataset: str | None = None
) -> AttributeSet:
    """The set with the card's class names, in label order.

    Classes and confused classes may be spelled as any of the card's aliases. See `restricted` for subsets.

    Args:
        file, dataset: the set's file, and its dataset as a command line names it, for messages.

    Raises:
        UserError: the card has a class that the set lacks, or the reverse.
    """
    renamed, errors = _renamed_classes(attributes, card, file)
    missing = [name for name in card.class_names if name not in renamed]
    if missing and not errors:
        listed = ", ".join(f"'{name}'" for name in missing)
        errors.append(
            UserError(
                f"the card '{card.name}' has classes that the attribute set lacks: {listed}",
                code="set-missing-class",
                file=file,
                remedy=how_to_fill(dataset or card.name, missing[0], file),
            )
        )
    if errors:
        raise one_or_many(errors)
    classes = {name: _renamed_confusions(renamed[name], card) for name in card.class_names}
    return attributes.model_copy(update={"classes": classes})


def restricted(attributes: AttributeSet, full_card: Card, subset: Card) -> AttributeSet:
    """The set for a subset of a card's classes: other classes, and confusions with them, are left out."""
    whole = for_card(attributes, full_card)
    classes = {}
    for name in subset.class_names:
        value = whole.classes[name]
        kept = {
            other: texts
            for other, texts in (value.confusion or {}).items()
            if other == OTHER or other in subset.class_names
        }
        classes[name] = value.model_copy(update={"confusion": kept or None})
    return attributes.model_copy(update={"classes": classes})


def require(
    attributes: AttributeSet,
    kinds: tuple[str, ...],
    *,
    file: str | Path | None = None,
    dataset: str | None = None,
) -> None:
    """Check that every class has every one of `kinds`; `file` and `dataset` as for `for_card`.

    Raises:
        UserError: naming each class and the kind it lacks; a missing bank is never treated as zeros.
    """
    errors = [
        UserError(
            f"has no '{kind}' attributes",
            code="set-missing-kind",
            file=file,
            class_name=name,
            remedy=how_to_fill(dataset or attributes.dataset, name, file)
            + f" Or choose a method that does not need them: {command('vr', 'methods')}.",
        )
        for name, value in attributes.classes.items()
        for kind in kinds
        if not value.texts(kind)
    ]
    if errors:
        raise one_or_many(errors)


def _renamed_classes(
    attributes: AttributeSet, card: Card, file: str | Path | None
) -> tuple[dict[str, ClassAttributes], list[UserError]]:
    """The classes by the card's names, and what is wrong with their names and confusions."""
    errors: list[UserError] = []
    renamed: dict[str, ClassAttributes] = {}
    for spelling, value in attributes.classes.items():
        match = card.find_class(spelling)
        if match is None:
            what, code = f"class '{spelling}' is not in the card '{card.name}'", "set-unknown-class"
            near = did_you_mean(spelling, card.class_names)
            remedy = f"{near} Rename it, remove it, or add an alias to the card."
            errors.append(UserError(what, code=code, file=file, remedy=remedy))
        elif match.name in renamed:
            what, code = f"class '{match.name}' is there twice, once as '{spelling}'", "set-repeated-class"
            errors.append(UserError(what, code=code, file=file, remedy="Join the two."))
        else:
            renamed[match.name] = value
            errors += _unknown_confusions(value, match.name, card, file)
    return renamed, errors


def _unknown_confusions(
    value: ClassAttributes, name: str, card: Card, file: str | Path | None
) -> Iterator[UserError]:
    seen: set[str] = set()

    def error(what: str, code: str, remedy: str) -> UserError:
        return UserError(what, code=code, file=file, class_name=name, remedy=remedy)

    for spelling in value.confusion or {}:
        match = card.find_class(spelling)
        other = OTHER if spelling == OTHER else (match.name if match else None)
        if other is None:
            what = f"confusion with '{spelling}', which is not in the card '{card.name}'"
            yield error(what, "set-unknown-class", did_you_mean(spelling, (*card.class_names, OTHER)))
        elif other == name:
            yield error("is listed as confused with itself", "set-confused-with-itself", "Remove that list.")
        elif other in seen:
            what = f"confusion with '{other}' is there twice"
            yield error(what, "set-repeated-class", "Join the two lists.")
        else:
            seen.add(other)


def _renamed_confusions(value: ClassAttributes, card: Card) -> ClassAttributes:
    if value.confusion is None:
        return value
    keys: dict[str, list[str]] = {}
    for spelling, texts in value.confusion.items():
        keys[OTHER if spelling == OTHER else card.class_of(spelling).name] = texts
    return value.model_copy(update={"confusion": keys})
