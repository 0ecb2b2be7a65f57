"""From the words of options to values."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from vr.cli import values


def test_assignments_read_json_and_else_text() -> None:
    words = ["k=3", "gate-lr=null", "augment=false", "text=name", "template=a {} = b"]
    assert values.assignments(words) == {
        "k": 3,
        "gate_lr": None,
        "augment": False,
        "text": "name",
        "template": "a {} = b",
    }


@pytest.mark.parametrize("word", ["k", "=3", " =3"])
def test_assignments_need_a_key_and_a_value(word: str) -> None:
    with pytest.raises(UserError) as caught:
        values.assignments([word])
    assert caught.value.code == "option-not-key-value"


def test_lists() -> None:
    assert values.names(" a, b,,c ") == ("a", "b", "c")
    assert values.numbers("1, 2,3", "seeds") == (1, 2, 3)
    with pytest.raises(UserError) as caught:
        values.numbers("1,x", "seeds")
    assert caught.value.code == "option-not-whole-numbers"


def test_existing_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    values.check_free(None, tmp_path / "b")
    with pytest.raises(UserError) as caught:
        values.check_free(tmp_path / "b", tmp_path / "a")
    assert (caught.value.code, caught.value.file) == ("file-exists", str(tmp_path / "a"))


def test_flags_become_an_experiment() -> None:
    flags = {
        "attrs": "a.json",
        "classes": "cat, dog",
        "epochs": 3,
        "fusion": "subtract",
        "gate": None,
        "out": None,
    }
    asked = values.experiment(flags, ["k=5", "min_crop=0.5", "epochs=4"])
    assert asked.attrs == Path("a.json") and asked.classes == ("cat", "dog") and asked.out is None
    assert asked.options == {"fusion": "subtract", "k": 5}
    assert asked.recipe == {"epochs": 4, "min_crop": 0.5}


def test_a_path_below_the_working_folder_is_shown_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert values.from_here(Path.cwd() / "runs" / "index.html") == Path("runs/index.html")
    assert values.from_here(tmp_path / "index.html") == tmp_path / "index.html"
    assert values.from_here(Path("x.html")) == Path("x.html")
