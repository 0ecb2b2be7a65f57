"""The errors that a user can cause, and how a command line shows them."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Something that the user can fix: what is wrong, where it is, and the remedy.

    `str(error)` reads ``WHERE: WHAT. REMEDY``, for instance
    ``attrs/x.json:12, class 'kidney cyst': the list is empty. Add a text or remove the key.``

    Args:
        what: what is wrong, without a full stop at the end.
        code: a stable name of this kind of error, such as "card-unknown-key"; programs and tests read the
            code, never the wording.
        file, line, class_name: where; each is left out where it makes no sense.
        remedy: how to fix it, as one or more whole sentences.
    """

    def __init__(
        self,
        what: str,
        *,
        code: str = "error",
        file: str | Path | None = None,
        line: int | None = None,
        class_name: str | None = None,
        remedy: str = "",
    ) -> None:
        self.what = what
        self.code = code
        self.file = None if file is None else str(file)
        self.line = line
        self.class_name = class_name
        self.remedy = remedy
        super().__init__(self._message())

    def at(self, file: str | Path | None, line: int | None = None) -> UserError:
        """The same error with a file and a line."""
        return UserError(
            self.what,
            code=self.code,
            file=file,
            line=line,
            class_name=self.class_name,
            remedy=self.remedy,
        )

    def _message(self) -> str:
        location = self.file or ""
        if self.line is not None:
            location = f"{location}:{self.line}" if location else f"line {self.line}"
        if self.class_name is not None:
            location = f"{location}, class '{self.class_name}'" if location else f"class '{self.class_name}'"
        message = f"{location}: {self.what}" if location else self.what
        if not message.endswith((".", "!", "?")) and ("\n" not in message or self.remedy):
            message += "."
        return f"{message} {self.remedy}".rstrip()


class UserErrors(UserError):
    """Several errors found in one pass, so that a person fixes a file once and not error by error."""

    def __init__(self, errors: list[UserError]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors), code=errors[0].code)

    def _message(self) -> str:
        return self.what


def one_or_many(errors: list[UserError]) -> UserError:
    """The single error itself, or all of them together. `errors` must not be empty."""
    return errors[0] if len(errors) == 1 else UserErrors(errors)
