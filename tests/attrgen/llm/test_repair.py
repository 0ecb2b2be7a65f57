"""Answers as models write them, and the strings that are read from them."""

from __future__ import annotations

import json

import pytest

from attrgen.llm import loose_json
from attrgen.llm.repair import read, without_thoughts

ONE, TWO, THREE = "a round dark spot", "an oval bright mass", "a ragged grey rim"
TEXTS = (ONE, TWO, THREE)
GOOD = json.dumps({"attributes": TEXTS})

COMPLETE = {
    "as asked": GOOD,
    "indented": json.dumps({"attributes": TEXTS}, indent=4),
    "a code fence": f"```json\n{GOOD}\n```",
    "a fence without an end": f"```\n{GOOD}",
    "prose around": f"Sure! Here you are:\n{GOOD}\nI hope that this helps {{really}} [1].",
    "thoughts before": f'<think>maybe {{"attributes": ["x", "y", "z"]}}</think>\n{GOOD}',
    "thoughts after": f'{GOOD}\n<think>was that {{"attributes": ["x", "y", "z"]}} right?</think>',
    "thoughts after without an end": f'{GOOD}\n<think>or {{"attributes": ["x", "y", "z"]}}',
    "thoughts whose start is in the prompt": f'hm {{"attributes": ["x", "y", "z"]}}</think>{GOOD}',
    "thoughts in brackets": f"[THINK]hm[/THINK]{GOOD}",
    "thinking": f"<Thinking>hm</Thinking>{GOOD}",
    "channels": f"<|channel|>analysis<|message|>hm [1, 2]<|end|><|channel|>final<|message|>{GOOD}<|return|>",
    "an answer within thoughts only": f"<think>{GOOD}",
    "the whole answer before the end of thoughts": f"{GOOD}</think>",
    "a draft, then the answer": f'{{"attributes": ["x", "y", "z"]}}\nBetter:\n{GOOD}',
    "the answer, then a shorter one": f'{GOOD}\n{{"attributes": ["x"]}}',
    "a byte-order mark": f"\ufeff{GOOD}",
    "other keys beside it": json.dumps({"class": "cyst", "attributes": TEXTS, "confidence": 0.9}),
    "another key": json.dumps({"descriptions": TEXTS}),
    "a key in capitals": json.dumps({"Attributes": TEXTS}),
    "a key in the singular": json.dumps({"attribute": TEXTS}),
    "within the class": json.dumps({"kidney cyst": {"attributes": TEXTS}}),
    "within properties": json.dumps({"type": "object", "properties": {"attributes": TEXTS}}),
    "the schema, then the answer": json.dumps(
        {
            "type": "object",
            "properties": {"attributes": {"type": "array", "items": {"type": "string"}}},
            "required": ["attributes"],
        }
    )
    + GOOD,
    "a bare list": json.dumps(TEXTS),
    "a list in a list": json.dumps({"attributes": [[ONE], [TWO], [THREE]]}),
    "objects as items": json.dumps({"attributes": [{"text": text} for text in TEXTS]}),
    "objects with more": json.dumps([{"id": 1, "name": "x", "description": text} for text in TEXTS]),
    "objects of another key": json.dumps({"attributes": [{"finding_text": text} for text in TEXTS]}),
    "one object per line": "\n".join(json.dumps({"attribute": text}) for text in TEXTS),
    "a list as the text of a string": json.dumps({"attributes": "\n".join(f"- {text}" for text in TEXTS)}),
    "numbers as keys": json.dumps({"attributes": {str(i): text for i, text in enumerate(TEXTS)}}),
    "numbered keys": json.dumps({f"attribute_{i}": text for i, text in enumerate(TEXTS)}),
    "trailing commas": f'{{"attributes": ["{ONE}", "{TWO}", "{THREE}",],}}',
    "no commas": f'{{"attributes": ["{ONE}"\n"{TWO}"\n"{THREE}"]}}',
    "raw line breaks": f'{{"attributes": ["a round\ndark spot", "{TWO}", "{THREE}\t"]}}',
    "typographic quotes": f"{{“attributes”: [“{ONE}”, “{TWO}”, “{THREE}”]}}",
    "single quotes": str({"attributes": list(TEXTS)}),
    "a key without quotes": f'{{attributes: ["{ONE}", "{TWO}", "{THREE}"]}}',
    "comments": f'{{"attributes": [ // three\n"{ONE}", # one\n"{TWO}", "{THREE}"]}}',
    "no end of the list": f'{{"attributes": ["{ONE}", "{TWO}", "{THREE}"',
    "no end of the object": f'{{"attributes": ["{ONE}", "{TWO}", "{THREE}"]',
    "the wrong bracket": f'{{"attributes": ["{ONE}", "{TWO}", "{THREE}"}}',
    "one more, which was cut": f'{{"attributes": ["{ONE}", "{TWO}", "{THREE}", "a wa',
    "surplus items": json.dumps({"attributes": [*TEXTS, "a fourth", "a fifth"]}),
    "a repeated item and a surplus one": json.dumps({"attributes": [ONE, ONE, TWO, THREE]}),
    "a number among them": json.dumps({"attributes": [1, ONE, TWO, None, THREE]}),
    "an empty one among them": json.dumps({"attributes": [ONE, " ", TWO, THREE]}),
    "a numbered list": f"Here:\n1. {ONE}\n2) {TWO}\n(3) {THREE}\nDone.",
    "bullets": f"* **{ONE}**\n- {TWO}\n• “{THREE}”\n",
}


@pytest.mark.parametrize("content", COMPLETE.values(), ids=COMPLETE)
def test_a_usable_answer_is_read(content: str) -> None:
    reading = read(content, "attributes", 3)
    assert reading.items == TEXTS and reading.problem == ""


PARTIAL = {
    "too few": (json.dumps({"attributes": [ONE, TWO]}), (ONE, TWO)),
    "a repeated one": (json.dumps({"attributes": [ONE, TWO, "A round dark spot."]}), (ONE, TWO)),
    "cut in the third": (f'{{"attributes": ["{ONE}", "{TWO}", "a rag', (ONE, TWO)),
    "a number": (json.dumps({"attributes": [ONE, 3, TWO]}), (ONE, TWO)),
    "an empty one": (json.dumps({"attributes": [ONE, "", TWO]}), (ONE, TWO)),
    "prose": ("I'm sorry, but I cannot help with that [policy 3].", ()),
    "nothing": ("", ()),
    "brackets without end": ("[" * 100_000, ()),
    "braces without end": ('{"a":' * 5_000, ()),
    "thoughts only": ("<think>what could a cyst look like", ()),
    "the schema only": ('{"type": "object", "required": ["attributes"], "enum": ["a", "b"]}', ()),
    "an empty list": ('{"attributes": []}', ()),
}


@pytest.mark.parametrize(("content", "items"), PARTIAL.values(), ids=PARTIAL)
def test_what_is_usable_of_an_incomplete_answer(content: str, items: tuple[str, ...]) -> None:
    reading = read(content, "attributes", 3)
    assert reading.items == items and reading.problem


def test_quotation_marks_and_apostrophes_within_a_text() -> None:
    content = """{'attributes': ['the rim's edge is dark', "a so-called "snowstorm" of echoes", 'three']}"""
    assert read(content, "attributes", 3).items == (
        "the rim's edge is dark",
        'a so-called "snowstorm" of echoes',
        "three",
    )


def test_names_to_choose_from_in_other_spellings() -> None:
    content = json.dumps({"classes": ["Kidney_Tumor", "1. kidney stone", "a rock", "kidney tumor"]})
    choices = ("kidney tumor", "kidney stone", "normal kidney")
    reading = read(content, "classes", 3, choices)
    assert reading.items == ("kidney tumor", "kidney stone")
    assert "'a rock' is none of the names" in reading.problem


def test_the_problem_says_what_is_wrong_with_each_item() -> None:
    reading = read(json.dumps({"attributes": [ONE, ONE, 7]}), "attributes", 3)
    assert reading.problem == (
        "it has 1 usable strings instead of exactly 3; 'a round dark spot' is there twice; '7' is no string."
    )


def test_white_space_becomes_single_spaces() -> None:
    assert read('{"attributes": [" three\\u00a0mm \\n wide"]}', "attributes", 1).items == ("three mm wide",)


def test_text_without_thoughts_is_unchanged() -> None:
    assert without_thoughts("a thought is not a <thin> wall") == "a thought is not a <thin> wall"


@pytest.mark.parametrize("text", ["[see above]", "{really}", "{a: }", "[1, x]", "{1}", "[/x]"])
def test_brackets_of_prose_are_no_values_of_text(text: str) -> None:
    values = list(loose_json.values(text + GOOD))
    assert values[-1] == {"attributes": list(TEXTS)}


def test_escapes() -> None:
    assert list(loose_json.values(r"""['a\u00e9\n\'b\' \ud83d',]""")) == [["aé\n'b' "]]
