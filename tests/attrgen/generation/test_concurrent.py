"""Two writers of one set: what a person, `attrgen edit` or another build writes during a build survives."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.curation import provenance
from attrgen.curation.provenance import Filled
from attrgen.curation.three_way import merged_class, merged_texts
from attrgen.generation import saving
from attrgen.generation.result import Result, with_filled
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot

Attrgen = Callable[..., Any]
SLOT = Slot("smooth lump", "descriptive")
OTHER = Slot("spiky lump", "descriptive")


@pytest.mark.parametrize(
    "base, mine, theirs, merged",
    [
        ("ab", "abc", "ab", "abc"),
        ("ab", "ab", "aX", "aX"),
        ("abc", "abcd", "aXc", "aXcd"),  # a list that was completed while a text was reworded
        ("abc", "xyz", "aXc", "Xxyz"),  # a list that was generated again while a text was reworded
        ("", "xy", "z", "zxy"),
        ("", "xy", "y", "yx"),
        ("abc", "ab", "bc", "b"),
        ("a", "x", "", "x"),
    ],
)
def test_lists_keep_the_changes_of_both(base: str, mine: str, theirs: str, merged: str) -> None:
    texts = [[f"text {ord(letter)}" for letter in value] for value in (base, mine, theirs, merged)]
    assert merged_texts(*texts[:3]) == texts[3]


def test_a_class_keeps_changes_of_other_lists_and_refuses_two_of_one() -> None:
    base = ClassAttributes(descriptive=["a"], confusion={"x": ["b"]})
    mine = ClassAttributes(descriptive=["a2"], confusion={"x": ["b"]})
    theirs = ClassAttributes(descriptive=["a"], distinctive=["new"], confusion={"x": ["b2"], "y": ["c"]})
    assert merged_class(base, mine, theirs) == ClassAttributes(
        descriptive=["a2"], distinctive=["new"], confusion={"x": ["b2"], "y": ["c"]}
    )
    assert merged_class(base, mine, ClassAttributes(descriptive=["a3"])) is None
    assert merged_class(base, mine, mine) == mine
    assert merged_class(base, base, ClassAttributes(descriptive=["a"])) == ClassAttributes(descriptive=["a"])


def _result(card: Card, base: AttributeSet | None, **lists: list[str]) -> Result:
    slots = {"smooth": SLOT, "spiky": OTHER}
    filled = {
        slots[name]: Filled(tuple(texts), {"source": "llm", "model": "m"}) for name, texts in lists.items()
    }
    return Result(with_filled(base, card, filled), filled)


def test_an_edit_during_a_build_survives(card: Card, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    base = _result(card, None, smooth=["a round dark spot"]).attributes
    assert base is not None
    built = _result(card, base, spiky=["a bright spiky rim"])
    edited = base.classes["smooth lump"].model_copy(update={"descriptive": ["what I saw", "and more"]})
    attribute_set.save(base.model_copy(update={"classes": {**base.classes, "smooth lump": edited}}), path)
    saved = saving.save(built, base, card, path)
    now = attribute_set.load(path)
    assert now == saved.attributes and not saved.conflicts
    assert now.classes["smooth lump"].descriptive == ["what I saw", "and more"]
    assert now.classes["spiky lump"].descriptive == ["a bright spiky rim"]


def test_a_list_that_both_changed_keeps_both_and_is_reported(card: Card, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    base = _result(card, None, smooth=["one", "two"]).attributes
    assert base is not None
    built = _result(card, base, smooth=["generated"])
    typed = ClassAttributes(descriptive=["one", "two, as I see it"])
    attribute_set.save(base.model_copy(update={"classes": {**base.classes, "smooth lump": typed}}), path)
    saved = saving.save(built, base, card, path)
    now = attribute_set.load(path)
    assert now.classes["smooth lump"].descriptive == ["two, as I see it", "generated"]
    assert saved.conflicts == (SLOT,)
    (record,) = provenance.originals(now)[SLOT]
    assert record.digest == provenance.digest("generated")  # what a person wrote is not said to be generated


def test_a_file_that_became_unreadable_stays_as_it_is(card: Card, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text('{"format": "attribute-set/1", "dataset": "lumps", ')
    with pytest.raises(UserError) as caught:
        saving.save(_result(card, None, smooth=["a"]), None, card, path)
    assert caught.value.code == "build-changed-meanwhile"
    assert path.read_text() == '{"format": "attribute-set/1", "dataset": "lumps", '


def test_the_command_merges_what_is_typed_while_the_server_answers(
    attrgen: Attrgen, server: Any, scripts: Any, card_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "lumps.json"
    words = ("build", "--dataset", card_file, "--base-url", server.url, "--out", path, "--kinds")
    assert attrgen(*words, "descriptive").status == 0

    def typed_meanwhile(received: Any) -> Any:
        values = json.loads(path.read_text())
        values["classes"]["plain tissue"]["descriptive"][0] = "what I typed meanwhile"
        path.write_text(json.dumps(values))
        return scripts.normal(received)

    server.script = typed_meanwhile
    ran = attrgen(*words, "descriptive,distinctive")
    assert ran.status == 0, ran.err
    plain = attribute_set.load(path).classes["plain tissue"]
    assert plain.descriptive and plain.descriptive[0] == "what I typed meanwhile"
    assert len(plain.distinctive or ()) == 10


# One process with everything imported forks two writers per round; each reads the set, waits as if a server
# answered or a person typed, and saves.
DRIVER = """
import os, random, sys, time
from pathlib import Path
from attrgen.curation import edit
from attrgen.curation.provenance import Filled
from attrgen.generation import saving
from attrgen.generation.result import Result, with_filled
from attrgen.schema import attribute_set, card
from attrgen.schema.attribute_set import ClassAttributes
from attrgen.schema.plan import Slot

card = card.find(sys.argv[1])
path = Path("set.json")

def build(name, text, pause):
    base = attribute_set.load(path) if path.exists() else None
    time.sleep(pause)
    slot = Slot(name, "descriptive")
    filled = {slot: Filled((text,), {"source": "llm", "model": "m"})}
    saving.save(Result(with_filled(base, card, filled), filled), base, card, path)

def typed(name, text, pause):
    job = edit.job_of(path, card, name)
    time.sleep(pause)
    edit._save(job, ClassAttributes(descriptive=[text]))

draw = random.Random(int(sys.argv[2]))
for number in range(int(sys.argv[3])):
    path.unlink(missing_ok=True)
    if draw.random() < 0.5:
        build("plain tissue", "a grey area", 0)
    writers = [(build, "smooth lump"), (draw.choice((build, typed)), "spiky lump")]
    children = []
    start, go = os.pipe()
    for write, name in writers:
        pause = draw.choice((0, draw.uniform(0, 0.005)))
        if (child := os.fork()) == 0:
            os.close(go)
            os.read(start, 1)  # ends when the parent closes the pipe: both start at once
            write(name, f"{name} {number}", pause)
            os._exit(0)
        children.append(child)
    os.close(start)
    os.close(go)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    classes = attribute_set.load(path).classes
    for _, name in writers:
        assert classes[name].descriptive == [f"{name} {number}"], (number, name)
    assert sorted(os.listdir(".")) == ["set.json"], os.listdir(".")
"""


def test_two_processes_on_one_set_fifty_times(card_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    seed = random.randrange(10**6)
    ran = subprocess.run(
        [sys.executable, "-c", DRIVER, str(card_file), str(seed), "50"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ran.returncode == 0, f"seed {seed}: {ran.stderr}"
