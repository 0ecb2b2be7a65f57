"""Extensions of other packages: objects that they offer by entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Generic, TypeVar

from attrgen.core.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Extensions(Generic[T]):
    """The objects of one kind that other packages offer; the name of an entry point is that of its object.

    Attributes:
        group: of the entry points, such as "vr.image_formats".
        kind: what one object is, for messages: "image format".
        code: of the error where one cannot be used: "format-plugin-broken".
        problem: what is wrong with an object that an entry point gave, or nothing; it gets the entry point's
            name and the object.
    """

    group: str
    kind: str
    code: str
    problem: Callable[[str, Any], str | None]

    def names(self) -> list[str]:
        """The names in alphabetic order; nothing is imported."""
        return sorted({entry.name for entry in metadata.entry_points(group=self.group)})

    def load(self, name: str) -> T:
        """The object of that name, which must be one of `names()`.

        Raises:
            UserError: its package cannot be imported or offers something else; the message names the package.
        """
        entry = next(entry for entry in metadata.entry_points(group=self.group) if entry.name == name)
        try:
            value = entry.load()
        except Exception as error:  # whatever the import of another package raises
            raise self._broken(entry, f"it cannot be imported ({type(error).__name__}: {error})") from error
        problem = self.problem(name, value)
        if problem is not None:
            raise self._broken(entry, problem)
        return value

    def _broken(self, entry: metadata.EntryPoint, reason: str) -> UserError:
        package = entry.dist.name if entry.dist is not None else entry.value
        return UserError(
            f"the {self.kind} '{entry.name}' of the package '{package}' cannot be used: {reason}",
            code=self.code,
            remedy=f"Update the package, or remove it: `pip uninstall {package}`.",
        )
