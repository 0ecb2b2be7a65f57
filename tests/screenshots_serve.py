"""Screenshots of the pages that one clicks: `python tests/screenshots_serve.py RUN SET IMAGE`.

They go into docs/images.
Needs Chromium and its driver (apt-get install chromium chromium-driver), and the `dev` extra.
"""

from __future__ import annotations

import io
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from chromium import chromium
from PIL import Image

FOLDER = Path(__file__).parents[1] / "docs" / "images"
SCREENS = {"desktop": (1160, 1100, 0.75), "phone": (390, 1100, 0.9)}
FLAGS = ("--hide-scrollbars", "--force-prefers-reduced-motion")
COLORS = 128


def main() -> None:
    """Take the page of a run with an explained image, and the page of a set with a finding."""
    from attrgen.curation.serving.app import make_app as set_app
    from attrgen.curation.serving.session import Session
    from vr.report.serving.app import make_app as run_app
    from vr.runs.run import load_run

    run, file, image = map(Path, sys.argv[1:4])
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile", *FLAGS) as browser:
        copy = Path(shutil.copy(file, folder))
        with _served(run_app(load_run(run), "s")) as address:
            for name, screen in SCREENS.items():
                _resize(browser, screen)
                browser.get(address)
                browser.find_element("id", "images").send_keys(str(image.resolve()))
                _wait(lambda: "explained." in browser.find_element("id", "status").text)
                _save(browser, f"serve-{name}.png")
        with _served(set_app(Session.open(copy), "s")) as address:
            for name, screen in SCREENS.items():
                _resize(browser, screen)
                browser.get(address)
                _wait(lambda: browser.find_elements("tag name", "textarea"))
                area = browser.find_elements("tag name", "textarea")[1]
                area.clear()
                area.send_keys("no sign of a stone anywhere")
                _wait(lambda area=area: area.get_attribute("aria-invalid") == "true")
                _save(browser, f"edit-{name}.png")


@contextmanager
def _served(app: Any) -> Iterator[str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/s/"
    server.should_exit = True
    thread.join(10)


def _resize(browser: Any, screen: tuple[int, int, float]) -> None:
    width, height, scale = screen
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def _wait(condition: Any) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise TimeoutError("the page did not change")


def _save(browser: Any, name: str) -> None:
    browser.execute_script("window.scrollTo(0, 0)")
    time.sleep(0.3)
    shot = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    path = FOLDER / name
    shot.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB, {shot.width} by {shot.height}")


if __name__ == "__main__":
    main()
