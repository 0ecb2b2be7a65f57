"""What a method says about itself: name, reference, options, recipe, presets. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from attrgen.schema.attribute_set import AttributeSet
from vr.methods.common.facts import Family, Options, Preset, Reference
from vr.methods.common.recipe import Recipe


class Declaration:
    """The part of a method that is read before torch is loaded, so that a wrong setting is reported at once.

    A built-in method declares itself in `vr/methods/declared`; a method of another package may state all of
    this in its own class, because every method is a declaration.

    Class attributes:
        name: as the command line spells it.
        title: what it is, in one line.
        family: what kind of system it is; tables are ordered by it.
        learns: what it learns, with the number of trained parameters.
        text_side: the texts of a class that it reads.
        reference: the publication.
        kinds: attribute kinds that it needs; see `required_kinds`.
        recipe: how it is trained by default.
        options_type: its options.
        presets: named changes of options and recipe: `paper`, what its paper does, and ablations.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[Family]
    learns: ClassVar[str]
    text_side: ClassVar[str]
    reference: ClassVar[Reference]
    kinds: ClassVar[tuple[str, ...]] = ()
    recipe: ClassVar[Recipe] = Recipe()
    options_type: ClassVar[type[Options]] = Options
    presets: ClassVar[Mapping[str, Preset]] = {}

    @classmethod
    def required_kinds(cls, options: Options, attributes: AttributeSet | None = None) -> tuple[str, ...]:
        """The attribute kinds that training with these options needs.

        Args:
            attributes: the set in use, where some kinds can replace others.
        """
        return cls.kinds
