"""The errors that a user can cause, and how a command line shows them."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Something that the user can mend: what is wrong, where it is, and the remedy.

    `str(error)` reads ``WHERE: WHAT. REMEDY``, for instance
    ``attrs/x.json:12, class 'kidney cyst': the list is empty. Add a text or remove the key.``

    Args:
        what: what is wrong, without a full stop at the end.
        file, line, class_name: where; each is left out where it makes no sense.
        remedy: how to mend it, as one or more whole sentences.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        class_name: str | None = None,
        remedy: str = "",
    ) -> None:
        self.what = what
        self.file = None if file is None else str(file)
        self.line = line
        self.class_name = class_name
        self.remedy = remedy
        super().__init__(self._message())

    def _message(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        if self.class_name is not None:
            place = f"{place}, class '{self.class_name}'" if place else f"class '{self.class_name}'"
        message = f"{place}: {self.what}" if place else self.what
        if not message.endswith((".", "!", "?")) and ("\n" not in message or self.remedy):
            message += "."
        return f"{message} {self.remedy}".rstrip()


class UserErrors(UserError):
    """Several errors found in one pass, so that a person mends a file once and not error by error."""

    def __init__(self, errors: list[UserError]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors))

    def _message(self) -> str:
        return self.what


def one_or_many(errors: list[UserError]) -> UserError:
    """The single error itself, or all of them together. `errors` must not be empty."""
    return errors[0] if len(errors) == 1 else UserErrors(errors)
