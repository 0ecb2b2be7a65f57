"""The pages that one clicks, in a real browser: by mouse and keyboard, and as axe-core sees them.

axe-core is not part of this project (MPL-2.0): where `npm install axe-core` was run in the repository, or
AXE_CORE names its `axe.min.js`, the accessibility of all pages is checked; else that is skipped.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from attrgen.schema import attribute_set
from vr.report.comparison import index_page, results
from vr.runs import run as runs

from ....chromium import chromium, needs_chromium

ROOT = Path(__file__).parents[4]
AXE = Path(os.environ.get("AXE_CORE") or ROOT / "node_modules" / "axe-core" / "axe.min.js")
FLAGS = ("--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
SECRET = "secret"

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("chromium"), *FLAGS) as driver:
        yield driver


@pytest.fixture
def served() -> Iterator[Callable[[Any], str]]:
    """Serves an application in a thread; gives its address."""
    uvicorn = pytest.importorskip("uvicorn")
    running: list[tuple[Any, threading.Thread]] = []

    def serve(app: Any) -> str:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{listening.getsockname()[1]}/{SECRET}/"

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


def _until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def _problems(browser: Any) -> list[str]:
    """What axe-core finds on the page; skips where it is not there."""
    if not AXE.is_file():
        pytest.skip("axe-core is not here (npm install axe-core, or AXE_CORE=…/axe.min.js)")
    # By the protocol, since the page's own policy lets no foreign script run.
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    browser.refresh()
    _until(lambda: browser.execute_script("return document.readyState") == "complete")
    time.sleep(0.5)
    browser.execute_script(AXE.read_text("utf-8"))
    found = browser.execute_async_script("axe.run().then(r => arguments[0](JSON.stringify(r.violations)))")
    return [
        f"{item['id']}: {item['nodes'][0]['html'][:200]} {item['nodes'][0]['failureSummary'][:200]}"
        for item in json.loads(found)
    ]


@pytest.fixture
def run_page(toy_run: Path, served: Any) -> str:
    from vr.report.serving.app import make_app
    from vr.runs.run import load_run

    return served(make_app(load_run(toy_run), SECRET, grid=3))


@pytest.fixture
def set_page(toy: Any, tmp_path: Path, served: Any) -> tuple[str, Path]:
    from attrgen.curation.serving.app import make_app
    from attrgen.curation.serving.session import Session

    file = Path(shutil.copy(toy.attrs, tmp_path / "toy.json"))
    return served(make_app(Session.open(file), SECRET)), file


def test_a_person_chooses_images_and_reads_the_answers(browser: Any, run_page: str, toy: Any) -> None:
    browser.get(run_page)
    images = [toy.data / "test" / "dark_ring" / f"test-{number}.png" for number in (0, 1)]
    browser.find_element("id", "images").send_keys("\n".join(map(str, images)))
    _until(lambda: "2 images are explained" in browser.find_element("id", "status").text)
    titles = [title.text for title in browser.find_elements("css selector", "#answers h2")]
    assert titles == ["test-1.png", "test-0.png"]
    assert browser.switch_to.active_element.text == "test-0.png"  # a screen reader goes on there
    assert browser.find_element("id", "status").get_attribute("role") == "status"
    assert len(browser.find_elements("css selector", "#answers .where img")) == 2
    summary = browser.find_element("css selector", "#answers summary")
    summary.send_keys("\n")
    assert browser.find_element("css selector", "#answers details[open] table").is_displayed()


# A drop as the browser reports it: an event with files, on an element.
_DROP = """
const [target, files, text] = arguments;
const dropped = new DataTransfer();
for (const [name, content] of files) {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  dropped.items.add(new File([bytes], name));
}
if (text) dropped.setData("text/plain", text);
return ["dragenter", "dragover", "drop"].map((kind) => !target.dispatchEvent(
  new DragEvent(kind, { dataTransfer: dropped, bubbles: true, cancelable: true })));
"""


@pytest.mark.parametrize("target", ["drop", "status"])  # the box, and a part of the page beside it
def test_images_are_dropped_anywhere_on_the_page(browser: Any, run_page: str, toy: Any, target: str) -> None:
    browser.get(run_page)
    image = toy.data / "test" / "dark_ring" / "test-0.png"
    files = [
        (name, base64.b64encode(content).decode())
        for name, content in (("scan.png", image.read_bytes()), ("notes.txt", b"no image"))
    ]
    handled = browser.execute_script(_DROP, browser.find_element("id", target), files, "")
    assert handled == [True] * 3  # else the browser leaves the page for the file
    _until(lambda: "explained." in browser.find_element("id", "status").text)
    assert browser.find_element("id", "status").text == "1 image is explained. 1 image is not: see below."
    titles = [title.text for title in browser.find_elements("css selector", "#answers h2")]
    assert titles == ["notes.txt", "scan.png"]
    assert len(browser.find_elements("css selector", "#answers .where img")) == 1


def test_dropped_text_is_no_image(browser: Any, run_page: str) -> None:
    browser.get(run_page)
    box = browser.find_element("id", "drop")
    assert browser.execute_script(_DROP, box, [], "https://example.org/scan.png") == [True] * 3
    assert "no file" in browser.find_element("id", "status").text
    assert browser.find_elements("css selector", "#answers section") == []


def test_a_file_that_is_no_image_is_told_and_the_keyboard_reaches_everything(
    browser: Any, run_page: str, tmp_path: Path
) -> None:
    browser.get(run_page)
    from selenium.webdriver.common.keys import Keys

    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("id") == "images"
    (tmp_path / "no.png").write_bytes(b"no image")
    browser.find_element("id", "images").send_keys(str(tmp_path / "no.png"))
    _until(lambda: browser.find_elements("css selector", "#answers p"))
    assert "no.png" in browser.find_element("id", "answers").text


def test_texts_are_edited_checked_kept_and_saved(browser: Any, set_page: tuple[str, Path]) -> None:
    address, file = set_page
    draft = file.with_name("toy.draft.json")
    browser.get(address)
    _until(lambda: browser.find_elements("tag name", "textarea"))
    area = browser.find_element("tag name", "textarea")
    area.clear()
    area.send_keys("no sign of anything")
    _until(draft.is_file)
    _until(lambda: area.get_attribute("aria-invalid") == "true")
    described = browser.find_element("id", area.get_attribute("aria-describedby"))
    assert "error" in described.text and "no sign" not in file.read_text()
    browser.get(address)  # as after a crash: nothing is lost
    _until(lambda: browser.find_elements("tag name", "textarea"))
    area = browser.find_element("tag name", "textarea")
    assert area.get_attribute("value") == "no sign of anything"
    assert "draft" in browser.find_element("id", "status").text
    area.clear()
    area.send_keys("a pale oval patch in the middle")
    browser.find_element("id", "save").send_keys("\n")
    _until(lambda: "Saved" in browser.find_element("id", "status").text)
    first = next(iter(attribute_set.load(file).entries()))
    assert first.text == "a pale oval patch in the middle" and not draft.exists()


def test_a_page_whose_program_was_started_again_says_where_its_texts_are(
    browser: Any, set_page: tuple[str, Path]
) -> None:
    browser.get(set_page[0])
    area = _until(lambda: browser.find_elements("tag name", "textarea"))[0]
    browser.execute_script(
        "history.replaceState(null, '', '/another/')"
    )  # what the page asks for is not there
    area.send_keys(" and pale")
    _until(lambda: "copy it into the new page" in browser.find_element("id", "status").text)


def test_lines_are_added_and_removed_by_keyboard(browser: Any, set_page: tuple[str, Path]) -> None:
    address, file = set_page
    count = sum(1 for _ in attribute_set.load(file).entries())
    browser.get(address)
    _until(lambda: browser.find_elements("tag name", "textarea"))
    add = next(one for one in browser.find_elements("tag name", "button") if one.text == "Add a text")
    add.send_keys("\n")
    new = browser.switch_to.active_element
    assert new.tag_name == "textarea" and "text 5" in new.get_attribute("aria-label")
    new.send_keys("a thin grey line along the rim")
    browser.find_element("css selector", "button[aria-label^='Remove text 1 of']").send_keys("\n")
    browser.find_element("id", "save").send_keys("\n")
    _until(lambda: "Saved" in browser.find_element("id", "status").text)
    texts = [entry.text for entry in attribute_set.load(file).entries()]
    assert len(texts) == count and "a thin grey line along the rim" in texts


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", ["run", "set", "report", "index"])
def test_axe_finds_no_accessibility_error(
    browser: Any, page: str, width: int, request: Any, toy_run: Path, tmp_path: Path
) -> None:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    if page == "run":
        address = request.getfixturevalue("run_page")
    elif page == "set":
        address = request.getfixturevalue("set_page")[0]
    elif page == "report":
        address = (toy_run / runs.REPORT).as_uri()
    else:
        out = tmp_path / "index.html"
        index_page.write_index(results.find([toy_run]), out)
        address = out.as_uri()
    browser.get(address)
    assert _problems(browser) == []
    wide = browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_the_index_sorts_by_a_column(browser: Any, toy_run: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        copy = tmp_path / f"run-{number}"
        shutil.copytree(toy_run, copy)
        values = json.loads((copy / runs.METRICS).read_text())
        values["overall"]["accuracy"] = (0.5, 0.9, 0.7)[number - 1]
        values["images"] += number
        (copy / runs.METRICS).write_text(json.dumps(values))
    out = tmp_path / "index.html"
    index_page.write_index(results.find([tmp_path]), out)
    browser.get(out.as_uri())
    headers = browser.find_elements("css selector", "th button")
    names = [header.text for header in headers]
    assert names[:2] == ["run", "accuracy"] and names[-1] == "images"  # of the settings, those that differ
    assert "shots" in browser.find_element("css selector", ".facts").text  # and those that do not
    header = headers[1]
    for expected, direction in (
        (["50.0%", "70.0%", "90.0%"], "ascending"),
        (["90.0%", "70.0%", "50.0%"], "descending"),
    ):
        header.send_keys("\n")
        column = header.find_element("xpath", "..")
        assert column.get_attribute("aria-sort") == direction
        place = column.get_property("cellIndex")
        cells = [
            row.find_elements("css selector", "th, td")[place].text
            for row in browser.find_elements("css selector", "tbody tr")
        ]
        assert [cell.split()[0] for cell in cells] == expected
    link = browser.find_element("css selector", "tbody a")
    assert Path(link.get_property("pathname")).is_file()
