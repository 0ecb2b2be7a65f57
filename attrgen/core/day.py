"""The day that is written into provenance."""

from __future__ import annotations

import os
from datetime import UTC, datetime


def today() -> str:
    """Today in UTC as YYYY-MM-DD, or the day that SOURCE_DATE_EPOCH says (for reproducible builds)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch and epoch.isdigit() else datetime.now(UTC)
    return moment.strftime("%Y-%m-%d")
