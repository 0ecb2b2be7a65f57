"""Rules of other packages: found by entry point, listed, applied; a broken package is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from attrgen.checks.registry import all_rules
from attrgen.checks.rule import Rule, text_rule

ROOT = Path(__file__).parents[3]
SIDE = """
from attrgen.checks.rule import text_rule

@text_rule("laterality", "warning")
def laterality(text, slot, lists):
    '''names a side of the body'''
    return "names a side" if "left" in text else None
"""
CODE = """
from attrgen.checks import all_rules, check_texts
from attrgen.core.errors import UserError
for attempt in range(2):
    try:
        rules = all_rules()
    except UserError as error:
        print(error.code, error)
    else:
        found = check_texts(["a dark spot on the left side"], class_name="c", kind="descriptive")
        print(list(rules)[-1], [finding.rule for finding in found])
"""


def run_with(folder: Path, source: str) -> list[str]:
    """What `CODE` prints where a distribution `sided` with that module is installed."""
    (folder / "sided.py").write_text(source)
    information = folder / "sided_rules-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: sided-rules\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[attrgen.check_rules]\nlaterality = sided\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))}
    ran = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment
    )
    return ran.stdout.splitlines()


def test_a_rule_of_another_package_is_found_and_applied(tmp_path: Path) -> None:
    assert run_with(tmp_path, SIDE) == ["laterality ['laterality']"] * 2


@pytest.mark.parametrize(
    "source",
    [
        "import no_such_module",
        SIDE + "\n1 / 0",
        SIDE.replace('"laterality"', '"negated"'),
        SIDE.replace('"warning"', '"severe"'),
        SIDE.replace("'''names a side of the body'''", ""),
        "import (",
    ],
)
def test_a_broken_package_is_named_every_time(source: str, tmp_path: Path) -> None:
    lines = run_with(tmp_path, source)
    assert len(lines) == 2 and lines[0] == lines[1]
    assert all(line.startswith("check-broken-extension ") and "'sided-rules'" in line for line in lines)


def test_every_file_of_rules_is_imported() -> None:
    files = {path.stem for path in (ROOT / "attrgen" / "checks" / "rules").glob("[!_]*.py")}
    modules = {rule.find.__module__ for rule in all_rules().values()}
    assert {"attrgen.checks.rule", "attrgen.checks.rules.repeats"} <= modules
    assert {f"attrgen.checks.rules.{name}" for name in files} <= sys.modules.keys()


def test_rules_keep_their_order() -> None:
    errors = [rule.id for rule in all_rules().values() if rule.level == "error"]
    # Requests for replacements quote findings in this order, and answers are cached by request.
    assert errors == [
        *("cut-off", "other-language", "over-long", "too-short"),
        *("own-name", "negated", "duplicate", "not-visible"),
        *("markup", "placeholder", "addressed", "gibberish"),
    ]


def test_an_id_is_taken_once() -> None:
    all_rules()
    with pytest.raises(ValueError):
        text_rule("negated", "error")(lambda text, slot, lists: None)
    assert isinstance(all_rules()["negated"], Rule)
