"""`attrgen check` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Attrgen = Callable[..., Any]


def write(path: Path, *texts: str, dataset: str = "own") -> Path:
    """A set of one class; its descriptive texts stand from line 2 on."""
    lines = ",\n".join(json.dumps(text, ensure_ascii=False) for text in texts)
    rest = '"distinctive": ["a shadow below it"], "confusion": {"other": ["a bright thin line"]}'
    classes = f'{{"spiky lump": {{"descriptive": [\n{lines}\n], {rest}}}}}'
    path.write_text(f'{{"format": "attribute-set/1", "dataset": "{dataset}", "classes": {classes}}}\n')
    return path


def test_right_after_a_build(attrgen: Attrgen) -> None:
    attrgen("build", "--dataset", "ct-kidney")
    ran = attrgen("check", "attrs/ct-kidney.json", "--strict")
    assert ran == (0, "attrs/ct-kidney.json: 140 texts, card 'ct-kidney': no problems found.\n", "")


def test_a_finding_has_its_place_rule_and_reason(attrgen: Attrgen, tmp_path: Path) -> None:
    write(tmp_path / "own.json", "a dark round area", "further biopsy is recommended to be safe")
    ran = attrgen("check", "own.json")
    assert ran.status == 1
    lines = ran.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("own.json:3 "))
    assert lines[at].split() == ["own.json:3", "error", "not-visible", "spiky", "lump", "/", "descriptive"]
    assert "'further biopsy is recommended to be safe' speaks of advice" in lines[at + 1]
    assert lines[-1] == "own.json: 4 texts, no card: 1 error, 1 note."
    assert "give --dataset CARD" in ran.out


@pytest.mark.parametrize(
    ("texts", "status", "strict"),
    [
        (["a dark round area", "a bright thick band"], 0, 0),
        (["a dark round area", "a round area that is dark"], 0, 1),  # a near-duplicate is a warning
        (["a dark round area", "no area at all is dark"], 1, 1),
    ],
)
def test_exit_status(attrgen: Attrgen, tmp_path: Path, texts: list[str], status: int, strict: int) -> None:
    write(tmp_path / "own.json", *texts)
    assert attrgen("check", "own.json").status == status
    assert attrgen("check", "own.json", "--strict").status == strict
    assert attrgen("check", "own.json", "--strict", "--json").status == strict


def test_json_holds_every_finding(attrgen: Attrgen, tmp_path: Path) -> None:
    write(tmp_path / "own.json", "a dark round area", "no area at all is dark")
    ran = attrgen("check", "own.json", "--json")
    value = json.loads(ran.out)
    (file,) = value["files"]
    assert (file["file"], file["dataset"], file["card"], file["texts"], file["errors"]) == (
        "own.json", "own", None, 4, 1,
    )  # fmt: skip
    actual = {each["rule"]: each for each in value["findings"]}
    assert actual["negated"] == {
        "file": "own.json",
        "line": 3,
        "class": "spiky lump",
        "kind": "descriptive",
        "confused": None,
        "rule": "negated",
        "level": "error",
        "message": actual["negated"]["message"],
        "text": "no area at all is dark",
    }


def test_fix_mends_what_is_safe_and_reports_the_rest(attrgen: Attrgen, tmp_path: Path) -> None:
    path = write(tmp_path / "own.json", "a dark  round area", "a dark round area", "no area at all is dark")
    ran = attrgen("check", "own.json", "--fix")
    assert ran.status == 1
    assert "1 text tidied, 1 duplicate removed, 1 error" in ran.out
    expected = write(tmp_path / "expected.json", "a dark round area", "no area at all is dark")
    assert path.read_bytes() == expected.read_bytes()


def test_several_files_and_a_card(attrgen: Attrgen, tmp_path: Path, card_file: Path) -> None:
    write(tmp_path / "one.json", "a dark round area", dataset="lumps")
    write(tmp_path / "two.json", "no area at all is dark", dataset="lumps")
    ran = attrgen("check", "one.json", "two.json", "--dataset", card_file)
    assert ran.status == 1
    assert "the card's class 'smooth lump' is missing" in ran.out
    assert [line.split(":")[0] for line in ran.out.splitlines()[-2:]] == ["one.json", "two.json"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no file is given"),
        (["none.json"], "none.json: there is no such attribute set"),
        (["own.json", "--dataset", "ct-kidny"], "unknown dataset 'ct-kidny'. Did you mean 'ct-kidney'"),
    ],
)
def test_user_errors(attrgen: Attrgen, tmp_path: Path, words: list[str], message: str) -> None:
    write(tmp_path / "own.json", "a dark round area")
    ran = attrgen("check", *words)
    assert ran.status == 2 and message in ran.err and "Traceback" not in ran.err


def test_the_rules_are_listed(attrgen: Attrgen) -> None:
    ran = attrgen("check", "--rules")
    assert ran.status == 0
    listed = {line.split()[0]: line.split()[1] for line in ran.out.splitlines()}
    assert listed["over-long"] == "error" and listed["near-duplicate"] == "warning"
    assert listed["schema"] == "error" and listed["no-card"] == "note"


def test_control_characters_do_not_reach_the_terminal(attrgen: Attrgen, tmp_path: Path) -> None:
    write(tmp_path / "own.json", "no dark area \x1b[31m at all")
    ran = attrgen("check", "own.json")
    assert "\x1b" not in ran.out and "\\x1b" in ran.out


def test_imports_neither_torch_nor_open_clip_nor_openai(tmp_path: Path) -> None:
    path = write(
        tmp_path / "own.json", *(f"a dark area number {i} with a smooth, naïve edge" for i in range(9))
    )
    code = (
        "import sys\nfrom attrgen.cli import main\n"
        f"sys.argv = ['attrgen', 'check', {str(path)!r}]\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not {"torch", "open_clip", "openai", "numpy", "vr"} & {m.split(".")[0] for m in ran.stderr.split()}
    assert "attrgen.checks.clip_tokens" in ran.stderr.split()
