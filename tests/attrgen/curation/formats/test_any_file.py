"""Any file of the published form comes back as it was; any other gives a clear error."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from attrgen.core.errors import UserError
from attrgen.curation.formats.exporting import FORMATS, Source
from attrgen.curation.formats.importing import import_files
from attrgen.schema import attribute_set

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5).filter(str.strip)
texts = st.lists(st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["a b", " a b", "a\nb"]))
files = st.dictionaries(names, texts.map(lambda actual: ["a text", *actual]), min_size=1, max_size=4)


@settings(max_examples=60)
@given(files, st.sampled_from(["descriptive", "confusion"]))
def test_any_lists(lists: dict[str, list[str]], kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "zoo.json"
        path.write_text(json.dumps(lists), encoding="utf-8")
        attribute_set.save(import_files([path], None, kind).attributes, path)
        files = FORMATS["cupl"](Source(attribute_set.load(path), kind=kind))
    assert list(json.loads(files["zoo.json"]).items()) == list(lists.items())


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.binary(max_size=60) | anything.map(json.dumps).map(str.encode), st.sampled_from(["json", "csv"]))
def test_any_bytes(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"zoo.{suffix}"
        path.write_bytes(content)
        try:
            imported = import_files([path])
        except UserError as error:
            assert str(path) in str(error)
        else:
            attribute_set.save(imported.attributes, path)
            assert attribute_set.load(path) == imported.attributes
