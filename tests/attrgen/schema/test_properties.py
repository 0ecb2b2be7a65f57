"""What holds for any file, not only for those that somebody thought of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attrgen.checks import report
from attrgen.checks.cleaning import clean
from attrgen.checks.file import check_bytes
from attrgen.checks.fix import fixed
from attrgen.core.errors import UserError
from attrgen.generation.build import Builder
from attrgen.generation.settings import BuildSettings
from attrgen.llm import prompts
from attrgen.llm.cache import Cache
from attrgen.schema import attribute_set, card, matching
from attrgen.schema.attribute_set import KINDS, AttributeSet

CARD = card.find("ct-kidney")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

KEYS = ("format", "dataset", "classes", "provenance", *KINDS, "other", "kidney cyst", "kidney stone", "x")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
ANY_JSON = st.recursive(
    LEAVES | st.sampled_from(["attribute-set/1", "ct-kidney", "a round dark spot"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)

visible = st.characters(exclude_categories=("Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp", "Zs"))
text = st.lists(st.text(visible, min_size=1, max_size=8), min_size=1, max_size=6).map(" ".join)
texts = st.lists(text.filter(str.isprintable), min_size=1, max_size=4, unique=True)
SPELLINGS = {entry.name: sorted({entry.name, entry.folder, *entry.aliases}) for entry in CARD.classes}


@st.composite
def sets(draw: st.DrawFn) -> dict[str, Any]:
    """A set that the schema accepts: any classes of the card in any spelling and order, any kinds of them."""
    classes: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(CARD.class_names), min_size=1, max_size=4, unique=True)):
        kinds: dict[str, Any] = {
            kind: draw(st.none() | texts)
            for kind in draw(st.sets(st.sampled_from(("descriptive", "distinctive", "ensemble"))))
        }
        others = [other for other in CARD.class_names if other != name]
        pairs = draw(st.lists(st.sampled_from([*others, "other"]), max_size=4, unique=True))
        if pairs:
            keys = {pair: draw(st.sampled_from(SPELLINGS.get(pair, [pair]))) for pair in pairs}
            kinds["confusion"] = {keys[pair]: draw(texts) for pair in pairs}
        classes[draw(st.sampled_from(SPELLINGS[name]))] = kinds
    keys = text.filter(lambda key: key not in ("source", "runs"))
    finite = st.recursive(
        st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=5,
    )
    provenance = draw(st.dictionaries(keys, finite, max_size=3))
    return {"format": "attribute-set/1", "dataset": CARD.name, "classes": classes, "provenance": provenance}


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Bytes of a file: any at all, JSON of any shape, or a set with a stretch of it overwritten."""
    kind = draw(st.sampled_from(("bytes", "json", "damaged")))
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    if kind == "json":
        return json.dumps(draw(ANY_JSON)).encode("utf-8", "surrogatepass")
    content = written(draw, draw(sets()))
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, min(len(content), start + 20)))
    return content[:start] + draw(st.binary(max_size=10)) + content[end:]


def written(draw: st.DrawFn, value: dict[str, Any]) -> bytes:
    """As somebody's editor may have formatted it."""
    indent, escaped = draw(st.sampled_from((None, 0, 2, "\t"))), draw(st.booleans())
    content = json.dumps(value, indent=indent, ensure_ascii=escaped)
    if draw(st.booleans()):
        content = content.replace("\n", "\r\n")
    return draw(st.sampled_from((b"", b"\xef\xbb\xbf"))) + content.encode("utf-8")


def content_of(value: dict[str, Any]) -> dict[str, Any]:
    """A set's JSON without kinds that are null, which means missing."""
    classes = {
        name: {kind: lists for kind, lists in kinds.items() if lists is not None}
        for name, kinds in value["classes"].items()
    }
    return {**value, "classes": classes}


def with_provenance(value: str) -> bytes:
    """A good set but for a value that can be read and not be written again."""
    classes = '{"a": {"descriptive": ["a dark round spot"]}}'
    head = f'"format": "attribute-set/1", "dataset": "x", "classes": {classes}'
    return f'{{{head}, "provenance": {{"a": {value}}}}}'.encode()


UNWRITABLE = ("1e999", r'"\ud800"', "[" * 400 + "]" * 400, "1" + "0" * 5000, "NaN", "[" * 100_000)


@pytest.mark.parametrize("value", UNWRITABLE, ids=lambda value: value[:8])
def test_what_could_not_be_written_again_is_not_read(tmp_path: Path, value: str) -> None:
    path = tmp_path / "set.json"
    path.write_bytes(with_provenance(value))
    with pytest.raises(UserError) as caught:
        attribute_set.load(path)
    assert caught.value.code == "set-not-json"
    assert [actual.rule for actual in check_bytes(path.read_bytes(), path).findings] == ["json"]


@QUICK
@given(files())
def test_any_bytes_give_a_set_or_a_user_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.json"
    path.write_bytes(content)
    try:
        actual = attribute_set.read(path)
    except UserError as error:
        assert str(path) in str(error)
    else:
        assert isinstance(actual.set, AttributeSet)
        attribute_set.save(actual.set, path)
        assert attribute_set.load(path) == actual.set


@QUICK
@given(files())
def test_any_bytes_can_be_checked(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.json"
    path.write_bytes(content)
    checked = check_bytes(content, path)
    report.table([checked], {}).encode("utf-8")
    actual = json.loads(report.as_json([checked], {}))["findings"]
    assert len(actual) == len(checked.findings)
    try:
        attribute_set.load(path)
    except UserError:
        assert checked.count("error") > 0  # what cannot be loaded is never called clean


@QUICK
@given(st.data())
def test_what_the_schema_accepts_survives_load_and_save(tmp_path: Path, data: st.DataObject) -> None:
    value = data.draw(sets())
    path = tmp_path / "set.json"
    path.write_bytes(data.draw(st.composite(lambda draw: written(draw, value))()))
    loaded = attribute_set.load(path)
    attribute_set.save(loaded, path)
    again = json.loads(path.read_text(encoding="utf-8"))
    assert again == content_of(value)
    assert [*again["classes"]] == [*value["classes"]]
    assert attribute_set.load(path).id == loaded.id
    once = path.read_bytes()
    attribute_set.save(attribute_set.load(path), path)
    assert path.read_bytes() == once


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Cache(tmp_path_factory.mktemp("cache")) as cache:
        yield cache


@QUICK
@given(sets())
def test_a_build_changes_nothing_that_was_there(answers: Cache, value: dict[str, Any]) -> None:
    before = AttributeSet.model_validate(value)
    builder = Builder(CARD, BuildSettings(model="m"), prompts.load(), answers)
    after = builder.build(before).attributes
    assert after is not None
    whole = after.model_dump(exclude_none=True)
    for name, kinds in before.model_dump(exclude_none=True)["classes"].items():
        for kind, lists in kinds.items():
            if isinstance(lists, dict):
                kept = whole["classes"][name][kind]
                assert {key: kept[key] for key in lists} == lists
                assert [key for key in kept if key in lists] == [*lists]
            else:
                assert whole["classes"][name][kind] == lists
    assert [name for name in whole["classes"] if name in before.classes] == [*before.classes]
    assert {key: whole["provenance"][key] for key in value["provenance"]} == value["provenance"]
    matching.for_card(after, CARD)  # it is complete, and no class is there twice


@QUICK
@given(st.data())
def test_fixing_cleans_texts_and_removes_repetitions_only(data: st.DataObject) -> None:
    value = data.draw(sets())
    spaced = data.draw(st.sampled_from(("", " ", "\u00a0", "  ")))
    for kinds in value["classes"].values():
        for kind in ("descriptive", "distinctive"):
            if kinds.get(kind):
                kinds[kind] = [*kinds[kind], *(f"{spaced}{each}" for each in kinds[kind])]
    source = data.draw(st.composite(lambda draw: written(draw, value))()).decode("utf-8")
    result = fixed(source)
    tidied = json.loads(result.source.removeprefix("\ufeff"))
    for kinds in value["classes"].values():
        for lists, key in [(kinds, kind) for kind in KINDS if kind != "confusion" and kinds.get(kind)] + [
            (kinds["confusion"], other) for other in kinds.get("confusion") or ()
        ]:
            lists[key] = list(dict.fromkeys(clean(text) or text for text in lists[key]))
    assert tidied == value
    assert fixed(result.source) == (result.source, 0, 0)
