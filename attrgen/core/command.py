"""What both command lines share: errors without a traceback, and the right exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable

from attrgen.core.errors import UserError

USER_ERROR_STATUS = 2
INTERRUPTED_STATUS = 130


def run(app: Callable[[], None]) -> None:
    """Run a typer app; a `UserError` is printed to stderr and exits 2, a bug keeps its traceback."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR_STATUS)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED_STATUS)
