"""The form of a class: what goes in comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrgen.core.errors import UserError
from attrgen.curation import edit_form
from attrgen.schema.attribute_set import ClassAttributes

CONFUSABLE = {"bee": "bee", "queen bee": "Queen Bee", "queen": "Queen Bee", "other": "other"}
OLD = ClassAttributes(
    descriptive=["a round dark spot", "# a text", "[so]", "\\x"], confusion={"bee": ["pale wings"]}
)

texts = st.lists(
    st.text(
        st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=9
    ).filter(lambda text: text.strip() and text.isprintable()),
    min_size=1,
    max_size=3,
    unique=True,
)
classes = st.builds(
    ClassAttributes,
    descriptive=st.none() | texts,
    distinctive=st.none() | texts,
    ensemble=st.none() | texts,
    confusion=st.none()
    | st.dictionaries(st.sampled_from(["bee", "Queen Bee", "other"]), texts, min_size=1, max_size=3),
)


@given(classes)
def test_an_untouched_form_changes_nothing(value: ClassAttributes) -> None:
    form = edit_form.dumps(value, "ant, in attrs/zoo.json", CONFUSABLE)
    if any(value.texts(kind) for kind in ("descriptive", "distinctive", "ensemble", "confusion")):
        assert edit_form.parse(form, value, CONFUSABLE) == value
        assert edit_form.parse(form.replace("\n", "\r\n"), value, CONFUSABLE) == value
    else:
        with pytest.raises(UserError) as caught:
            edit_form.parse(form, value, CONFUSABLE)
        assert caught.value.code == "form-no-text"


def test_the_form_is_easy_to_read() -> None:
    lines = edit_form.dumps(OLD, "ant, in attrs/zoo.json", CONFUSABLE).split("\n")
    assert lines[0] == "# ant, in attrs/zoo.json"
    assert "[confusion: Queen Bee], [confusion: other], [ensemble]" in "\n".join(lines)
    at = lines.index("[descriptive]")
    assert lines[at + 1 : at + 5] == ["a round dark spot", "\\# a text", "\\[so]", "\\\\x"]
    assert "[distinctive]" in lines and "[confusion: bee]" in lines


def test_what_was_typed() -> None:
    form = "[Descriptive]\n\n  new text \n# a note\na round dark spot\n"
    form += "[ confusion :  QUEEN ]\nlong body\n[distinctive]\n"
    value = edit_form.parse(form, OLD, CONFUSABLE)
    assert value == ClassAttributes(
        descriptive=["new text", "a round dark spot"], confusion={"Queen Bee": ["long body"]}
    )


@pytest.mark.parametrize(
    ("form", "line", "code", "named"),
    [
        ("a text\n", 1, "form-no-heading", ""),
        ("[descriptive]\nx\n[descriptiv]\ny\n", 3, "form-unknown-heading", "[descriptiv]"),
        ("[descriptive]\nx\n[an aside] begins so\n", 3, "form-unknown-heading", " \\ "),
        ("[descriptive: bee]\nx\n", 1, "form-unknown-heading", ""),
        ("[confusion]\nx\n", 1, "form-unknown-heading", ""),
        ("[confusion: be]\nx\n", 1, "form-unknown-class", "'bee'"),
        ("[descriptive]\nx\n[distinctive]\ny\n[descriptive]\nz\n", 5, "form-repeated-heading", ""),
        ("[confusion: queen]\nx\n[confusion: queen bee]\ny\n", 3, "form-repeated-heading", ""),
        ("[descriptive]\nx\n\nx \n", 4, "form-repeated-text", "'x'"),
        ("[descriptive]\na\tb\n", 2, "form-unprintable", ""),
        ("# all removed\n", None, "form-no-text", ""),
        ("", None, "form-no-text", ""),
    ],
)
def test_mistakes_have_a_code_and_a_line(form: str, line: int | None, code: str, named: str) -> None:
    with pytest.raises(UserError) as caught:
        edit_form.parse(form, OLD, CONFUSABLE, "draft.txt")
    error = caught.value
    assert (error.code, error.line, error.file) == (code, line, "draft.txt") and named in str(error)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        edit_form.parse("x\n[wrong]\ny\n[descriptive]\nz\nz\n", OLD, CONFUSABLE, "draft.txt")
    assert str(caught.value).count("draft.txt:") == 3


@given(st.text())
def test_whatever_is_typed_gives_a_class_or_a_message(form: str) -> None:
    try:
        value = edit_form.parse(form, OLD, CONFUSABLE)
    except UserError:
        return
    assert edit_form.parse(edit_form.dumps(value, "ant", CONFUSABLE), value, CONFUSABLE) == value
