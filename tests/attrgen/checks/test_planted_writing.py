"""Over 200 badly written texts and 100 good ones: what is stripped, rejected, and left alone.

A text that only has something around it must come back from `clean` as it was; any other bad text must be
rejected by the rule that it was planted for. A good text must be left as it is, without any finding.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from attrgen.checks import check_texts
from attrgen.checks.cleaning import _PLAIN, _cleaned, clean
from attrgen.core.resources import resource
from attrgen.schema import attribute_set

PLANTED: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "planted" / "writing.toml").read_text(encoding="utf-8")
)
PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "published" / "attributes" / "cupl_texture.json"
BOUND = 0.95


def library() -> list[str]:
    """The texts of the curated library, file by file."""
    paths = sorted(resource("data", "attributes").glob("*.json"))
    return [entry.text for path in paths for entry in attribute_set.load(path).entries()]


def good_texts() -> list[str]:
    """100 of the library, evenly spaced, and those of the published file where it is there."""
    texts = library()
    chosen = texts[:: len(texts) // 100][:100]
    if PUBLISHED.is_file():
        lists = json.loads(PUBLISHED.read_text(encoding="utf-8"))
        chosen += [
            lists[name][number] for name, numbers in PLANTED["published"].items() for number in numbers
        ]
    return chosen


def fired(text: str) -> set[str]:
    return {finding.rule for finding in check_texts([text], class_name="finding", kind="descriptive")}


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    good = good_texts()
    wrapped = [
        (pattern.replace("{}", text), text)
        for pattern, text in zip(PLANTED["wrapped"], good, strict=False)  # there are more good texts
    ]
    rejected = [(rule, text) for rule, texts in PLANTED["rejected"].items() for text in texts]
    missed = [
        bad for bad, text in wrapped if clean(bad) != text or not {"unclean", "white-space"} & fired(bad)
    ]
    missed += [text for rule, text in rejected if rule not in fired(text)]
    alarms = [text for text in good if clean(text) != text or fired(text)]
    count = len(wrapped) + len(rejected)
    caught = count - len(missed)
    precision, recall = caught / (caught + len(alarms)), caught / count
    with capsys.disabled():
        print(f"\n{count} bad, {len(good)} good texts: precision {precision:.3f}, recall {recall:.3f}")
        print(*(f"  missed: {text!r} → {clean(text)!r}" for text in missed), sep="\n")
        print(*(f"  false alarm: {text!r} {sorted(fired(text))}" for text in alarms), sep="\n")
    assert count >= 200 and len(good) >= 100
    assert precision >= BOUND and recall >= BOUND


def test_the_whole_library_is_clean() -> None:
    assert [text for text in library() if clean(text) != text] == []


def test_nothing_is_removed_from_plain_texts() -> None:
    rejected = [text for texts in PLANTED["rejected"].values() for text in texts]
    wrapped = [pattern.replace("{}", "a dark area") for pattern in PLANTED["wrapped"]]
    texts = [*library(), *rejected, *wrapped, "A. dark area", "iv) dark area", "label: dark", "1. dark area"]
    plain = [text for text in texts if _PLAIN.fullmatch(text)]
    assert len(plain) > 1000
    assert [text for text in plain if _cleaned(text) != clean(text)] == []


@pytest.mark.parametrize("pattern", PLANTED["wrapped"])
def test_cleaning_again_changes_nothing(pattern: str) -> None:
    once = clean(pattern.replace("{}", "a round, dark area with a 3-mm wall"))
    assert clean(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "3 mm nodules with a bright rim",
        "2.5 cm across, with a bright rim",
        "a 'stuck-on' look with a waxy surface",
        'a "snowstorm" of tiny bright dots',
        "A dark spot, as round as a coin",
        "margins (both of them) smooth and thin",
        "edges: smooth on the left, ragged on the right",
        "I-shaped bright line along the bone",
        "5° tilt of a bright line; a naïve café-au-lait shade",
    ],
)
def test_what_belongs_to_a_text_stays(text: str) -> None:
    assert clean(text) == text
