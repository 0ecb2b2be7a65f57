"""The pages in a real browser: nothing breaks, nothing is fetched, everything fits a phone and the dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vr.report import charts
from vr.report.comparison import page as comparison
from vr.report.comparison import results
from vr.runs import run as runs

from ...chromium import chromium, needs_chromium

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium with a profile of its own, which logs its console and its network."""
    logs = {"browser": "ALL", "performance": "ALL"}
    with chromium(tmp_path_factory.mktemp("chromium"), *FLAGS, logs=logs) as driver:
        driver.get("about:blank")  # the browser's start page stops loading, so its requests are not counted
        yield driver


@pytest.fixture(params=["report", "comparison"])
def page(request: Any, hostile_run: Path, second_run: Path, tmp_path: Path) -> Path:
    """A page of either kind, whose texts try to run scripts."""
    if request.param == "report":
        return hostile_run / runs.REPORT
    return comparison.write_comparison(results.find([hostile_run, second_run]), tmp_path / "both.html")


def _open(browser: Any, page: Path, *, width: int = 1280, scheme: str = "light") -> None:
    browser.get_log("browser"), browser.get_log("performance")  # what was before does not count
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(page.as_uri())


def _requests(browser: Any) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [each for each in messages if each["method"] == "Network.requestWillBeSent"]
    return [each["params"]["request"]["url"] for each in sent]


def _is_shown(browser: Any, anchor: str) -> bool:
    return bool(
        browser.execute_script(
            "const box = document.getElementById(arguments[0]).getBoundingClientRect();"
            "return box.top < innerHeight && box.bottom > 0 && box.height > 0",
            anchor,
        )
    )


def test_a_reader_finds_the_accuracy_and_every_section(browser: Any, hostile_run: Path) -> None:
    _open(browser, hostile_run / runs.REPORT)
    accuracy = 100 * runs.read_metrics(hostile_run)["overall"]["accuracy"]
    assert browser.find_element("id", "accuracy").text.replace("\n", "") == f"{accuracy:.1f}%"
    assert f"{accuracy:.1f}%" in browser.title
    browser.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
    links = browser.find_elements("css selector", "nav a")
    assert len(links) == 12
    for link in links:
        link.click()
        assert _is_shown(browser, link.get_attribute("hash")[1:]), link.text
    details = browser.find_elements("css selector", "details")
    assert details
    for each in details:
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", each)
        each.find_element("tag name", "summary").click()
        assert each.find_element("tag name", "li").is_displayed()
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_error_and_no_request(browser: Any, page: Path, scheme: str) -> None:
    _open(browser, page, scheme=scheme)
    assert browser.get_log("browser") == []
    urls = _requests(browser)
    assert page.as_uri() in urls
    assert [url for url in urls if url != page.as_uri() and not url.startswith("data:")] == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)") == []
    assert browser.execute_script("return [...document.images].every(i => i.complete && i.naturalWidth > 0)")


def test_a_browser_that_is_told_to_run_scripts_would_not(browser: Any, page: Path, tmp_path: Path) -> None:
    leak = '<img src="https://127.0.0.1:9/leak.png" alt="x"><script>document.title = "ran"</script></main>'
    changed = tmp_path / "changed.html"
    changed.write_text(page.read_text().replace("</main>", leak))
    _open(browser, changed)
    assert browser.title != "ran"
    refused = [entry["message"] for entry in browser.get_log("browser")]
    assert len(refused) == 2 and all("Content Security Policy" in message for message in refused)


def test_every_picture_has_text_instead(browser: Any, page: Path) -> None:
    _open(browser, page)
    pictures = browser.find_elements("css selector", "img, svg, [role=img]")
    assert len(pictures) > 3
    for picture in pictures:
        name = picture.accessible_name
        assert picture.aria_role in ("img", "image")
        assert len(name) > 10, picture.get_attribute("outerHTML")[:200]


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (320, "light"), (1280, "dark")])
def test_it_fits_the_screen(browser: Any, page: Path, width: int, scheme: str) -> None:
    _open(browser, page, width=width, scheme=scheme)
    inner, scroll = browser.execute_script(
        "return [document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    assert width - 20 <= inner <= width  # a desktop has a scroll bar
    assert scroll <= inner
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('svg text')].filter(t => t.textContent.trim())"
        ".map(t => t.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 9  # pixels: a chart's labels can still be read


def test_what_scrolls_sideways_shows_it_and_can_be_reached_by_keyboard(browser: Any, page: Path) -> None:
    _open(browser, page, width=390)
    scrolling = [
        element
        for element in browser.find_elements("css selector", ".wide, .matrix, nav ul")
        if element.get_property("scrollWidth") > element.get_property("clientWidth")
    ]
    assert len(scrolling) >= 2
    for element in scrolling:
        assert element.value_of_css_property("background-image").count("linear-gradient") == 4
        is_focusable = element.get_property("tabIndex") == 0 or element.find_elements("tag name", "a")
        assert is_focusable and element.value_of_css_property("overflow-x") == "auto"


CUT = """
return [...document.querySelectorAll('svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const inner = text.getBoundingClientRect();
    return inner.left < box.left - 1 || inner.right > box.right + 1
      || inner.top < box.top - 1 || inner.bottom > box.bottom + 1;
  }).map(text => text.textContent);
})
"""


def test_no_label_of_a_chart_is_cut(browser: Any, page: Path) -> None:
    _open(browser, page)
    assert browser.execute_script(CUT) == []


@pytest.mark.parametrize("count", [2, 4, 6, 12])
def test_long_class_names_are_whole(browser: Any, tmp_path: Path, count: int) -> None:
    names = [f"WWWWWWWWWWWWWWWW {number} of the moderately differentiated kind" for number in range(count)]
    chart = charts.confusion([[100_000] * count] * count, names)
    place = tmp_path / "chart.html"
    place.write_text(f"<meta charset='utf-8'><div style='font-family: sans-serif'>{chart}</div>")
    _open(browser, place)
    assert browser.execute_script(CUT) == []
    words = browser.execute_script("return document.querySelector('svg').textContent")
    assert " ".join(words.split()).count("WWWWWWWWWWWWWWWW") == 2 * count and "…" not in words


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_text_and_charts_stand_out_from_the_ground(
    browser: Any, hostile_run: Path, scheme: str, is_dark: bool
) -> None:
    _open(browser, hostile_run / runs.REPORT, scheme=scheme)

    def luminance(selector: str, name: str) -> float:
        actual = browser.find_elements("css selector", selector)[0].value_of_css_property(name)
        shares = [int(part) / 255 for part in actual[actual.index("(") + 1 : -1].split(",")[:3]]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ground = luminance("body", "background-color")
    assert (ground < 0.1) == is_dark
    for selector, name in (("p", "color"), (".soft", "color"), ("svg text", "fill"), ("nav a", "color")):
        light, dark = sorted((luminance(selector, name), ground), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (selector, name)  # WCAG 2, AA


def test_print_leaves_nothing_out(browser: Any, hostile_run: Path) -> None:
    _open(browser, hostile_run / runs.REPORT, scheme="dark")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    assert browser.find_element("tag name", "body").value_of_css_property("background-color") in (
        "rgba(255, 255, 255, 1)",
        "rgb(255, 255, 255)",
    )
    assert not browser.find_element("tag name", "nav").is_displayed()
    for section in browser.find_elements("tag name", "section"):
        assert section.is_displayed()
