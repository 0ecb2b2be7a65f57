"""Extensions of other packages: objects that they offer by entry point."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Generic, TypeVar

from attrgen.core.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Extensions(Generic[T]):
    """The objects of one kind that other packages offer by entry points.

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
    problem: Callable[[str, Any], str | None] = lambda name, value: None

    def names(self) -> list[str]:
        """The names in alphabetic order; nothing is imported."""
        return sorted({entry.name for entry in self._entries()})

    def load(self, name: str) -> T:
        """The object of that name, which must be one of `names()`.

        Raises:
            UserError: its package cannot be imported or offers something else, or two packages offer one
                name; the message names the package.
        """
        entry, *others = (entry for entry in self._entries() if entry.name == name)
        if others:
            raise self._broken(others[0], f"the package '{_package(entry)}' offers the same name")
        return self._loaded(entry)

    def load_all(self) -> Iterator[T]:
        """Every object, by the names of packages and entry points, which need not differ between packages.

        Raises:
            UserError: as for `load`.
        """
        for entry in sorted(self._entries(), key=lambda entry: (_package(entry), entry.name)):
            yield self._loaded(entry)

    def _entries(self) -> metadata.EntryPoints:
        entries: metadata.EntryPoints = _installed(_folders()).select(group=self.group)
        return entries

    def _loaded(self, entry: metadata.EntryPoint) -> T:
        try:
            value = entry.load()
        except Exception as error:  # whatever the import of another package raises
            raise self._broken(entry, f"it cannot be imported ({type(error).__name__}: {error})") from error
        problem = self.problem(entry.name, value)
        if problem is not None:
            raise self._broken(entry, problem)
        return value

    def _broken(self, entry: metadata.EntryPoint, reason: str) -> UserError:
        package = _package(entry)
        return UserError(
            f"the {self.kind} '{entry.name}' of the package '{package}' cannot be used: {reason}",
            code=self.code,
            remedy=f"Update the package, or remove it: `pip uninstall {package}`.",
        )


def _folders() -> tuple[tuple[str, int], ...]:
    """The folders of packages, and when each was changed: installing a package changes one."""
    return tuple((path, Path(path).stat().st_mtime_ns) for path in sys.path if Path(path).is_dir())


@lru_cache(maxsize=1)
def _installed(folders: tuple[tuple[str, int], ...]) -> Any:  # `EntryPoints`; in Python 3.11 typed otherwise
    """All entry points of the packages in these folders, looked for once: a command asks many times."""
    return metadata.entry_points()


def _package(entry: metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value.split(".")[0]
