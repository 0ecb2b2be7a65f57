"""Templates: what they tell the LLM, how they are overridden, and what they may not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.llm import prompts
from attrgen.schema.card import Card, find, shipped_cards


def write(folder: Path, name: str, body: str, head: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.j2").write_text((head or f"---\nversion: 7\nkind: {name}\n---\n") + body)
    return folder


def text(card: Card, kind: str, loaded: prompts.Prompts | None = None) -> str:
    return "\n".join(text for _, text in prompts.example(loaded or prompts.load(), card, kind))


@pytest.mark.parametrize("dataset", sorted(shipped_cards()))
@pytest.mark.parametrize("kind", ["descriptive", "distinctive", "confusion", "ensemble", "confusers"])
def test_every_kind_renders_for_every_card(dataset: str, kind: str) -> None:
    card = find(dataset)
    rendered = text(card, kind)
    assert card.modality in rendered and card.shows in rendered
    assert all(name in rendered for name in card.class_names)
    assert "{{" not in rendered and "{%" not in rendered


def test_confusion_knows_which_class_is_taken_for_which(card: Card) -> None:
    loaded = prompts.load()
    there = prompts.example(loaded, card, "confusion", "smooth lump", "spiky lump")
    back = prompts.example(loaded, card, "confusion", "spiky lump", "smooth lump")
    assert 'an image that shows "spiky lump" and at first glance looks like "smooth lump"' in there[1][1]
    assert there != back


def test_both_sides_of_a_pair_are_asked_in_the_same_words(card: Card) -> None:
    loaded = prompts.load()
    one, other = (
        prompts.example(loaded, card, "confusion", *pair)[1][1]
        for pair in (("smooth lump", "spiky lump"), ("spiky lump", "smooth lump"))
    )
    swapped = one.replace("smooth lump", "?").replace("spiky lump", "smooth lump").replace("?", "spiky lump")
    assert sorted(swapped.split()) == sorted(other.split())  # the list of classes keeps its order


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [({"greyscale": True}, "greyscale"), ({"stain": "Giemsa"}, "Giemsa"), ({"view": "coronal"}, "coronal")],
)
def test_the_card_tells_of_colour_stain_and_view(card: Card, changes: dict[str, object], phrase: str) -> None:
    assert phrase not in text(card, "descriptive")
    assert phrase in text(card.model_copy(update=changes), "descriptive")


def test_own_names_are_told_so_that_they_are_not_used() -> None:
    assert "kidney cyst, cyst kidney, cyst" in text(find("ct-kidney"), "descriptive")


def test_a_folder_overrides_a_template_and_changes_its_digest(card: Card, tmp_path: Path) -> None:
    loaded = prompts.load(write(tmp_path / "mine", "descriptive", "Mine: {{ class_name }}"))
    assert text(card, "descriptive", loaded).endswith("Mine: smooth lump\n")
    assert loaded["descriptive"].version == 7
    assert loaded["descriptive"].sha256 != prompts.load()["descriptive"].sha256
    assert loaded["distinctive"] == prompts.load()["distinctive"]


def test_a_missing_variable_is_an_error(card: Card, tmp_path: Path) -> None:
    loaded = prompts.load(write(tmp_path / "mine", "descriptive", "{{ colour }}"))
    with pytest.raises(UserError, match=r"descriptive\.j2: .*'colour' is undefined.*class_name"):
        text(card, "descriptive", loaded)


@pytest.mark.parametrize(
    "body",
    [
        "{{ class_name.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ classes.append('x') }}",
        "{% include '/etc/hostname' %}",
        "{{ range(10 ** 9) | list }}",
        "{{ 1 / 0 }}",
        "{{ 'x' * 10000000000 }}",
        "{{ classes * 10000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ '%s' | format(classes.__class__) }}{{ '{0.__class__}'.format(1) }}",
    ],
)
def test_templates_are_sandboxed(card: Card, tmp_path: Path, body: str) -> None:
    loaded = prompts.load(write(tmp_path / "mine", "descriptive", body))
    with pytest.raises(UserError, match=r"descriptive\.j2"):
        text(card, "descriptive", loaded)


def test_templates_may_reckon(card: Card, tmp_path: Path) -> None:
    loaded = prompts.load(write(tmp_path / "mine", "descriptive", "{{ 2 * count + 1 }} at most"))
    assert text(card, "descriptive", loaded).endswith("21 at most\n")


def test_a_syntax_error_has_its_line(card: Card, tmp_path: Path) -> None:
    loaded = prompts.load(write(tmp_path / "mine", "descriptive", "fine\n{% if %}\n"))
    with pytest.raises(UserError, match=r"descriptive\.j2:6: template syntax"):
        text(card, "descriptive", loaded)


@pytest.mark.parametrize(
    ("name", "head", "message"),
    [
        ("descriptiv", None, "no template has that name. Did you mean 'descriptive'"),
        ("descriptive", "no front matter\n", "descriptive.j2:1: the front matter is missing"),
        ("descriptive", "---\nversion: x\nkind: descriptive\n---\n", "no whole number as version"),
        ("descriptive", "---\nversion: 1\nkind: confusion\n---\n", "kind is not 'descriptive'"),
        ("descriptive", "---\nversion: 1\ncolour: red\n---\n", "descriptive.j2:3: not a front matter line"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, name: str, head: str | None, message: str) -> None:
    with pytest.raises(UserError) as caught:
        prompts.load(write(tmp_path / "mine", name, "text", head))
    assert message in str(caught.value)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        prompts.load(tmp_path / "none")
