"""What an audit is about: an attribute set and a collection, found and checked before torch is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import KINDS, AttributeSet
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options
from vr.runs.attributes import attributes_for
from vr.runs.experiment import Experiment, Resolved, Say, resolve


@dataclass(frozen=True)
class Subject:
    """An attribute set, with the card's class names, the file that it was read from, and the images."""

    resolved: Resolved
    attributes: AttributeSet
    file: Path


def find_subject(asked: Experiment, say: Say = lambda line: None) -> Subject:
    """What an experiment names; settings of the training are ignored.

    Raises:
        UserError: as for `resolve`; or there is no attribute set.
    """
    resolved = resolve(asked.model_copy(update={"method": "zero-shot", "attrs": None, **_named(asked)}), say)
    dataset = asked.dataset or resolved.card.name
    attributes, file = attributes_for(
        resolved.card, _Audited, Options(), dataset=dataset, file=asked.attrs, given=None, say=say
    )
    assert attributes is not None and file is not None  # else an error was raised
    return Subject(resolved, attributes, file)


class _Audited(Declaration):
    """An audit reads a set of any kinds."""

    name = "vr audit"

    @classmethod
    def required_kinds(cls, options: Options, attributes: AttributeSet | None = None) -> tuple[str, ...]:
        """Some set; which kinds it has is of no importance."""
        return KINDS if attributes is None else ()


def _named(asked: Experiment) -> dict[str, str]:
    """The dataset of the attribute set, where only that is given."""
    if asked.dataset is not None or asked.attrs is None:
        return {}
    return {"dataset": attribute_set.load(asked.attrs).dataset}
