"""All rules there are: those in `attrgen.checks.rules`, and those of other installed packages.

Another package adds rules by an entry point in the group `attrgen.check_rules` that names a module. The
module registers functions with the decorators of `attrgen.checks.rule`, as the files in `checks/rules` here
do. In its `pyproject.toml`:

    [project.entry-points."attrgen.check_rules"]
    laterality = "my_package.laterality"

and in `my_package/laterality.py`:

    from attrgen.checks.rule import Lists, text_rule
    from attrgen.checks.words import words
    from attrgen.schema.plan import Slot

    @text_rule("laterality", "warning")
    def laterality(text: str, slot: Slot, lists: Lists) -> str | None:
        '''names a side of the body, which a flipped training image does not keep'''
        return "names a side" if {"left", "right"} & set(words(text)) else None

`attrgen check --rules` then lists it. Answers to `attrgen build` must pass the rules of level "error", too.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import ModuleType

from attrgen.checks.rule import REGISTERED, Rule
from attrgen.core.errors import UserError
from attrgen.core.plugins import Extensions

EXTENSIONS: Extensions[ModuleType] = Extensions(
    "attrgen.check_rules", "module of check rules", "check-broken-extension"
)
_BUILT_IN = "attrgen.checks.rules"


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule by its id: those of `rules` by file name, then those of other packages by name.

    Raises:
        UserError: a package's rules cannot be loaded; the message names the package.
    """
    for module in sorted(info.name for info in pkgutil.iter_modules(import_module(_BUILT_IN).__path__)):
        import_module(f"{_BUILT_IN}.{module}")
    before = dict(REGISTERED)
    try:
        for _ in EXTENSIONS.load_all():
            before = dict(REGISTERED)
    except UserError:  # none of a broken package's rules stays registered
        REGISTERED.clear()
        REGISTERED.update(before)
        raise
    return REGISTERED
