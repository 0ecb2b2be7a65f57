"""Headless Chromium for tests of pages and their screenshots: apt-get install chromium chromium-driver."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="no Chromium here (apt-get install chromium chromium-driver)"
)


@contextmanager
def chromium(profile: str | Path, *flags: str, logs: dict[str, str] | None = None) -> Iterator[Any]:
    """A browser, closed at the end.

    Args:
        profile: an empty folder for its user data, so that no settings of a person's count.
        flags: command-line flags beside the common ones.
        logs: which of its logs are kept, with their levels.
    """
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless", "--no-sandbox", *flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    if logs:
        options.set_capability("goog:loggingPrefs", logs)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()
