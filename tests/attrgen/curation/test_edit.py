"""`attrgen edit` with a scripted editor: what is saved, what is kept, what is asked."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes

Attrgen = Callable[..., Any]
NEW = "a pale oval patch beside the dark rim"
BAD = "the patient should be referred for further evaluation and biopsy"
DRAFT = "lumps.smooth_lump.draft.txt"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A set of three classes; its lines are in another layout than `save` would give them."""
    value = ClassAttributes(
        descriptive=["a round dark spot with a thin rim", "stripes of pale tissue above a spot"],
        confusion={"spiky lump": ["wavy bright spikes around a round spot"]},
    )
    other = ClassAttributes(distinctive=["small grey dots in long parallel rows"])
    attributes = AttributeSet(
        dataset="lumps", classes={"smooth lump": value, "spiky lump": other}, provenance={"by": "me"}
    )
    path = tmp_path / "attrs" / "lumps.json"
    attribute_set.save(attributes, path)
    return path


class Terminal(io.StringIO):
    """What a user types."""

    def isatty(self) -> bool:
        return True


class Editor:
    """Editors that do one thing after the other: a function of the draft's text, or an exit status."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._patch = monkeypatch
        self._said = io.StringIO()

    def does(self, *turns: str, says: str = "") -> None:
        """`turns`: Python on `text` (the draft), `path` and `folder`; `says`: the user's answers."""
        script = self._folder / "editor.py"
        count = self._folder / "turn"
        count.write_text("0")
        body = "\n".join(f"if turn == {number}:\n    {turn}" for number, turn in enumerate(turns))
        script.write_text(
            "import sys\nfrom pathlib import Path\n"
            f"path, count, folder = Path(sys.argv[-1]), Path({str(count)!r}), Path({str(self._folder)!r})\n"
            "turn = int(count.read_text())\ncount.write_text(str(turn + 1))\ntext = path.read_text()\n"
            f"{body}\npath.write_text(text)\n"
        )
        self._patch.setenv("VISUAL", f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}")
        self._patch.setattr(sys, "stdin", Terminal(says))

    @property
    def turns(self) -> int:
        """How often it was opened."""
        return int((self._folder / "turn").read_text())


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    return Editor(tmp_path, monkeypatch)


def add(text: str) -> str:
    return f"text = text.replace('[distinctive]', {text + chr(10)!r} + chr(10) + '[distinctive]')"


def drafts(path: Path) -> list[str]:
    return sorted(item.name for item in path.parent.iterdir() if item != path)


def test_an_added_line_is_saved(attrgen: Attrgen, editor: Editor, path: Path) -> None:
    before = attribute_set.load(path)
    editor.does(add(NEW))
    ran = attrgen("edit", "Smooth-Lump")
    assert ran.status == 0 and "1 added." in ran.out and drafts(path) == []
    after = attribute_set.load(path)
    assert (after.classes["smooth lump"].descriptive or [])[-1] == NEW
    (after.classes["smooth lump"].descriptive or []).pop()
    assert after == before  # and nothing else is different


def test_nothing_changed_leaves_the_file_as_it_is(attrgen: Attrgen, editor: Editor, path: Path) -> None:
    laid_out = json.dumps(json.loads(path.read_text()), indent=7).encode()
    path.write_bytes(laid_out)
    editor.does("pass")
    ran = attrgen("edit", "smooth lump", "--attrs", path)
    assert ran.status == 0 and "Nothing was changed." in ran.out
    assert path.read_bytes() == laid_out and drafts(path) == []


def test_a_mistake_is_shown_and_the_form_is_opened_again(
    attrgen: Attrgen, editor: Editor, path: Path
) -> None:
    editor.does(add("[nonsense]"), f"text = text.replace('[nonsense]', {NEW!r})", says="e\n")
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 0 and editor.turns == 2
    assert f"{DRAFT}:" in ran.out and "[nonsense]" in ran.out and "1 added." in ran.out
    assert NEW in path.read_text() and drafts(path) == []


@pytest.mark.parametrize("says", ["q\n", "", "what?\nQUIT\n"])
def test_what_cannot_be_saved_is_kept_and_taken_up(
    attrgen: Attrgen, editor: Editor, path: Path, says: str
) -> None:
    before = path.read_bytes()
    editor.does(add(f"{NEW}\n[nonsense]"), says=says)
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 2 and ran.code == "edit-not-saved" and DRAFT in ran.err
    assert path.read_bytes() == before and drafts(path) == [DRAFT]
    assert NEW in (path.parent / DRAFT).read_text()
    editor.does("text = text.replace('[nonsense]', '')")
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 0 and DRAFT in ran.out
    assert NEW in path.read_text() and drafts(path) == []


def test_what_the_linter_finds_is_shown_and_may_be_saved_all_the_same(
    attrgen: Attrgen, editor: Editor, path: Path
) -> None:
    editor.does(add(BAD))
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 2 and f"'{BAD}'" in ran.out and "(not-visible)" in ran.out
    assert BAD not in path.read_text() and BAD in (path.parent / DRAFT).read_text()
    editor.does("pass", says="s\n")
    assert attrgen("edit", "smooth lump").status == 0
    assert BAD in path.read_text() and drafts(path) == []
    editor.does(add(NEW))  # an old finding does not stand in the way of new words
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 0 and BAD not in ran.out


def test_a_set_that_was_changed_meanwhile_is_not_overwritten(
    attrgen: Attrgen, editor: Editor, path: Path
) -> None:
    meanwhile = path.read_text().replace("a round dark spot", "a square dark spot")
    (path.parent.parent / "meanwhile.json").write_text(meanwhile)
    editor.does(f"{add(NEW)}; (folder / 'meanwhile.json').replace(folder / 'attrs' / 'lumps.json')")
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 2 and "was changed in" in ran.err
    assert path.read_text() == meanwhile and NEW in (path.parent / DRAFT).read_text()


def test_another_class_may_be_changed_meanwhile(attrgen: Attrgen, editor: Editor, path: Path) -> None:
    meanwhile = path.read_text().replace("small grey dots", "small white dots")
    (path.parent.parent / "meanwhile.json").write_text(meanwhile)
    editor.does(f"{add(NEW)}; (folder / 'meanwhile.json').replace(folder / 'attrs' / 'lumps.json')")
    assert attrgen("edit", "smooth lump").status == 0
    assert "small white dots" in path.read_text() and NEW in path.read_text()


def test_an_editor_that_fails(attrgen: Attrgen, editor: Editor, path: Path) -> None:
    before = path.read_bytes()
    editor.does("sys.exit(3)")
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 2 and "ended with status 3" in ran.err and drafts(path) == []
    editor.does("path.write_text('half a form'); sys.exit(1)")
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 2 and DRAFT in ran.err and (path.parent / DRAFT).read_text() == "half a form"
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b""])
def test_a_draft_that_is_no_form(attrgen: Attrgen, editor: Editor, path: Path, content: bytes) -> None:
    before = path.read_bytes()
    editor.does(f"path.write_bytes({content!r}); sys.exit(0)")
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 2 and "nothing was saved" in ran.err
    assert path.read_bytes() == before and (path.parent / DRAFT).read_bytes() == content


def test_a_class_of_the_card_that_the_set_lacks(
    attrgen: Attrgen, editor: Editor, path: Path, card_file: Path
) -> None:
    editor.does(f"text = text.replace('[descriptive]', '[descriptive]' + chr(10) + {NEW!r})")
    assert attrgen("edit", "plain_tissue", "--dataset", card_file).status == 0
    assert attribute_set.load(path).classes["plain tissue"] == ClassAttributes(descriptive=[NEW])


def test_an_untouched_form_of_a_new_set_leaves_nothing(
    attrgen: Attrgen, editor: Editor, card_file: Path, path: Path
) -> None:
    path.unlink()
    editor.does("pass")
    ran = attrgen("edit", "plain tissue", "--dataset", card_file)
    assert ran.status == 0 and "Nothing was changed." in ran.out
    assert not path.exists() and drafts(path) == []


def test_a_set_begun_by_hand(attrgen: Attrgen, editor: Editor, card_file: Path, tmp_path: Path) -> None:
    editor.does(f"text = text.replace('[descriptive]', '[descriptive]' + chr(10) + {NEW!r})")
    assert attrgen("edit", "plain tissue", "--dataset", card_file).status == 0
    begun = attribute_set.load(tmp_path / "attrs" / "lumps.json")
    assert begun.dataset == "lumps" and begun.provenance == {"source": "hand"}
    assert "its provenance names no origin" in attrgen("status", "attrs/lumps.json").out


def test_a_confused_class_by_its_alias_keeps_the_spelling_of_the_file(
    attrgen: Attrgen, editor: Editor, tmp_path: Path
) -> None:
    value = ClassAttributes(confusion={"meningioma_tumor": ["a broad bright base on the skull"]})
    attribute_set.save(AttributeSet(dataset="btmri", classes={"glioma": value}), tmp_path / "set.json")
    heading = "[confusion: Meningioma]"
    editor.does(f"text = text.replace('[confusion: meningioma_tumor]', {heading!r}) + {NEW!r} + chr(10)")
    assert attrgen("edit", "glioma", "--attrs", "set.json").status == 0
    confusion = attribute_set.load(tmp_path / "set.json").classes["glioma"].confusion
    assert confusion == {"meningioma_tumor": ["a broad bright base on the skull", NEW]}


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (["wolf"], {}, "the set of 'lumps' has no class 'wolf'"),
        (["smooth lump"], {"VISUAL": "no-such-editor -x"}, "there is no editor 'no-such-editor'"),
        (["smooth lump"], {"VISUAL": "'"}, "cannot be read"),
        (["smooth lump", "--attrs", "none.json"], {}, "there is no such attribute set"),
        (["smooth lump", "--dataset", "wolf"], {}, "unknown dataset 'wolf'"),
    ],
)
def test_bad_input(
    attrgen: Attrgen,
    editor: Editor,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    environment: dict[str, str],
    message: str,
) -> None:
    editor.does("pass")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ran = attrgen("edit", *words)
    assert ran.status == 2 and message in ran.err and drafts(path) == []


def test_which_set_is_asked_when_there_are_several(attrgen: Attrgen, editor: Editor, path: Path) -> None:
    path.with_name("more.json").write_bytes(path.read_bytes())
    ran = attrgen("edit", "smooth lump")
    assert ran.status == 2 and "lumps.json, more.json" in ran.err and "--attrs" in ran.err


def test_warnings_are_shown_and_saved(attrgen: Attrgen, path: Path, editor: Editor) -> None:
    named = "a pale oval patch beside the smooth lump"
    editor.does(f"text = text.replace('stripes of pale tissue above a spot', {named!r})")
    ran = attrgen("edit", "smooth lump", "--attrs", path)
    assert ran.status == 0 and "warning: " in ran.out and "(class-name)" in ran.out
    assert named in attribute_set.load(path).classes["smooth lump"].texts("descriptive")


def test_no_editor_without_a_terminal(
    attrgen: Attrgen, path: Path, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.does("text = text")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    ran = attrgen("edit", "smooth lump", "--attrs", path)
    assert ran.status == 2 and ran.code == "edit-no-terminal"
    assert editor.turns == 0 and not path.with_name(DRAFT).exists()
