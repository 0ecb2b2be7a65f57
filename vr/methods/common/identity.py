"""Settings that identify a run, and may gain fields in later versions. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrgen.core.validation import Frozen


def added(before: Any) -> dict[str, Any]:
    """The `json_schema_extra` of a field that came after the first release; `before`: what runs did then."""
    return {"added": "0.2.0", "before": before}


class Settings(Frozen):
    """A method's options or recipe. A field that is added in a later version says so by `added`."""

    def identity(self) -> dict[str, Any]:
        """The values that identify a run; an added field is one of them only where it changes something.

        So older runs keep their identity, even when the default of such a field changes later.
        """
        values = self.model_dump(mode="json")
        for name, before in self.before().items():
            if getattr(self, name) == before:
                del values[name]
        return values

    @classmethod
    def of_run(cls, recorded: Mapping[str, Any]) -> Self:
        """The settings that a run recorded; it did without fields that were added later."""
        return cls.model_validate({**cls.before(), **recorded})

    @classmethod
    def before(cls) -> dict[str, Any]:
        """What runs did before fields were added, by field."""
        fields = cls.model_fields.items()
        return {
            name: extra.get("before", field.default)
            for name, field in fields
            if isinstance(extra := field.json_schema_extra, dict) and "added" in extra
        }
