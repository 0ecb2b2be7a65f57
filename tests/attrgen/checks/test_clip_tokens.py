"""Token counts against open_clip's own tokenizer."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attrgen.checks import clip_tokens
from attrgen.core.errors import UserError
from attrgen.schema import attribute_set

LIBRARY = Path(__file__).parents[3] / "data" / "attributes"


@cache
def reference() -> Any:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()


def counted_by_open_clip(text: str) -> int:
    return len(reference().encode(text)) + 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a round, dark area",
        "it's they're I've 's",
        "T2-weighted 3.5 mm (±0.2 mm)",
        "café naïve Ménière",
        "caf\u0065\u0301 noir",
        "Größe der Läsion, weiß",
        "一个圆形的暗区",
        "округлая тёмная область",
        "منطقة داكنة",
        "😀😀 a smile 🩻",
        "&lt;b&gt; &amp;amp; &eacute; &",
        "<start_of_text> a <end_of_text>",
        "<START_OF_TEXT>",
        "ﬁne ﬂat Ⅻ ½ ² ① İstanbul",
        "â€œmojibakeâ€\x9d",
        "tabs\tand\nlines\u00a0and\u2009spaces",
        "\x1b[31mred\x1b[0m \x00",
        "zero\u200bwidth \ufeffmark",
        "!!!???...—–-",
        "x" * 300,
        "pneumonoultramicroscopicsilicovolcanoconiosis",
    ],
)
def test_equals_open_clip(text: str) -> None:
    assert clip_tokens.count(text) == counted_by_open_clip(text)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.json")), ids=lambda path: path.stem)
def test_equals_open_clip_on_the_library(path: Path) -> None:
    for entry in attribute_set.load(path).entries():
        assert clip_tokens.count(entry.text) == counted_by_open_clip(entry.text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text(st.characters(max_codepoint=0x250), max_size=60))
def test_equals_open_clip_on_anything(text: str) -> None:
    encodable = text.encode("utf-8", "ignore").decode("utf-8")
    assert clip_tokens.count(encodable) == counted_by_open_clip(encodable)


def test_counts_without_importing_torch_nor_open_clip() -> None:
    code = (
        "import sys; from attrgen.checks import clip_tokens; clip_tokens.count('a dark, naïve mass');"
        "print(*{'torch', 'open_clip', 'numpy'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_no_vocabulary_is_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_tokens, "find_spec", lambda name: None)
    with pytest.raises(UserError) as caught:
        clip_tokens.vocabulary()
    assert caught.value.code == "check-no-vocabulary"
