"""The day that is written into provenance."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from attrgen.core.errors import UserError


def today() -> str:
    """Today in UTC as YYYY-MM-DD, or the day that SOURCE_DATE_EPOCH says (for reproducible builds).

    Raises:
        UserError: SOURCE_DATE_EPOCH is set to something else.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UserError(
            f"SOURCE_DATE_EPOCH is '{epoch}', not a time in seconds since 1970",
            code="system-source-date-epoch",
            remedy="Correct or unset it.",
        ) from error
    return moment.date().isoformat()
