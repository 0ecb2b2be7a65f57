"""A build in one process: what is asked, what is kept, what is told."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.curation.provenance import originals
from attrgen.generation.build import Builder
from attrgen.generation.result import Result
from attrgen.generation.settings import BuildSettings
from attrgen.llm import client as clients
from attrgen.llm import prompts
from attrgen.llm.cache import Cache
from attrgen.llm.client import Client, Server
from attrgen.llm.spending import Ledger
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card, CardClass
from attrgen.schema.plan import Slot

COUNTS = {"descriptive": 4, "distinctive": 3, "confusion": 2, "ensemble": 5}


class Bench:
    """Builds with one cache and one server, as often as a test likes."""

    def __init__(self, folder: Path, card: Card, server: Any) -> None:
        self.folder = folder
        self.card = card
        self.server = server
        self.ledger = Ledger()

    def build(
        self,
        existing: AttributeSet | None = None,
        *,
        offline: bool = False,
        ledger: Ledger | None = None,
        **settings: Any,
    ) -> Result:
        settings.setdefault("counts", COUNTS)
        self.ledger = ledger or Ledger()
        loaded = prompts.load()
        with Cache(self.folder) as cache:
            client = None
            if not offline:
                client = Client(Server(self.server.url, "sk-x"), loaded, self.ledger, timeout=2, retries=8)
            return Builder(self.card, BuildSettings(model="m", **settings), loaded, cache, client).build(
                existing
            )


@pytest.fixture
def bench(tmp_path: Path, card: Card, server: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    real = clients._pause
    monkeypatch.setattr(
        clients, "_pause", lambda error, attempt: 0.01 if error.wait is None else real(error, attempt)
    )
    return Bench(tmp_path / "cache", card, server)


def whole(result: Result) -> AttributeSet:
    assert result.attributes is not None and not result.failed
    return result.attributes


def test_a_build_from_nothing(bench: Bench) -> None:
    built = whole(bench.build())
    assert list(built.classes) == list(bench.card.class_names)
    for name, attributes in built.classes.items():
        assert len(attributes.descriptive or []) == 4 and len(attributes.distinctive or []) == 3
        others = [other for other in bench.card.class_names if other != name]
        assert {k: len(v) for k, v in (attributes.confusion or {}).items()} == dict.fromkeys(others, 2)
        assert attributes.ensemble is None
    assert len(bench.server.received) == 3 * 2 + 6


def test_a_second_build_makes_no_request(bench: Bench) -> None:
    first = whole(bench.build())
    asked = len(bench.server.received)
    assert bench.build(first).filled == {}
    again = whole(bench.build())  # the file is lost, the cache is not
    assert len(bench.server.received) == asked
    assert attribute_set.dumps(again) == attribute_set.dumps(first)


def test_the_cache_alone_rebuilds_the_set_with_nobody_to_ask(bench: Bench) -> None:
    first = whole(bench.build())
    assert attribute_set.dumps(whole(bench.build(offline=True))) == attribute_set.dumps(first)


def test_texts_come_without_what_is_written_around_them(bench: Bench, scripts: ModuleType) -> None:
    bench.server.script = lambda received: scripts.Reply(
        scripts.completion(
            json.dumps(
                {
                    "attributes": [
                        f"{number}. **Description:** {text}"
                        for number, text in enumerate(scripts.texts(received.question, received.count), 1)
                    ]
                }
            )
        )
    )
    first = whole(bench.build())
    assert not any(mark in entry.text for entry in first.entries() for mark in ("Description", "**", "1."))
    assert attribute_set.dumps(whole(bench.build(offline=True))) == attribute_set.dumps(first)
    with Cache(bench.folder) as cache:
        known = originals(first, cache)[Slot("spiky lump", "descriptive")]
    assert [item.text for item in known] == first.classes["spiky lump"].descriptive


def test_only_what_is_missing_is_asked(bench: Bench) -> None:
    mine = ClassAttributes(descriptive=["my own words"], confusion={"plain tissue": ["mine too"]})
    existing = AttributeSet(dataset="lumps", classes={"Spiky_Lump": mine}, provenance={"author": "me"})
    built = whole(bench.build(existing))
    assert list(built.classes) == ["smooth lump", "Spiky_Lump", "plain tissue"]
    kept = built.classes["Spiky_Lump"]
    assert kept.descriptive == ["my own words"]
    assert kept.confusion is not None and list(kept.confusion) == ["smooth lump", "plain tissue"]
    assert kept.confusion["plain tissue"] == ["mine too"]
    assert built.provenance["author"] == "me" and built.provenance["source"] == "mixed"
    assert len(bench.server.received) == 12 - 2


def test_refresh_asks_anew_and_touches_nothing_else(bench: Bench, scripts: ModuleType) -> None:
    first = whole(bench.build())
    bench.server.script = lambda r: scripts.Reply(
        scripts.completion(
            json.dumps({"attributes": [f"new wide dark rim with {i} notches" for i in range(r.count)]})
        )
    )
    asked = len(bench.server.received)
    second = whole(bench.build(first, refresh=["spiky lump/descriptive"]))
    assert len(bench.server.received) == asked + 1
    assert (second.classes["spiky lump"].descriptive or [""])[0].startswith("new")
    reverted = second.model_copy(deep=True)
    reverted.classes["spiky lump"].descriptive = first.classes["spiky lump"].descriptive
    assert reverted.classes == first.classes
    with Cache(bench.folder) as cache:
        place = Slot("spiky lump", "descriptive")
        assert [item.text for item in originals(second, cache)[place]] == second.classes[
            "spiky lump"
        ].descriptive


def test_texts_that_fail_the_checks_go_back_with_the_reason(bench: Bench, scripts: ModuleType) -> None:
    bad = "further biopsy is recommended to confirm the diagnosis in this patient"

    def script(received: Any) -> Any:
        texts = scripts.texts(f"{received.question} {received.count}", received.count)
        if len(received.body["messages"]) == 2:
            texts[1] = bad
        return scripts.Reply(scripts.completion(json.dumps({"attributes": texts})))

    bench.server.script = script
    built = whole(bench.build(kinds=["descriptive"]))
    assert all(len(c.descriptive or []) == 4 for c in built.classes.values())
    assert bad not in attribute_set.dumps(built)
    back = [r for r in bench.server.received if len(r.body["messages"]) == 4]
    assert len(back) == 3 and all(r.count == 1 and bad in r.prompt for r in back)
    asked = len(bench.server.received)
    assert attribute_set.dumps(whole(bench.build(kinds=["descriptive"]))) == attribute_set.dumps(built)
    assert len(bench.server.received) == asked  # the rounds are in the cache, too


def test_texts_that_never_pass_are_left_out_and_reported(bench: Bench, scripts: ModuleType) -> None:
    bad = "the patient should be referred for further evaluation and biopsy"

    def script(received: Any) -> Any:
        texts = scripts.texts(f"{received.question} {received.count}", received.count)
        texts[-1] = bad
        return scripts.Reply(scripts.completion(json.dumps({"attributes": texts})))

    bench.server.script = script
    result = bench.build(kinds=["descriptive"], rounds=2)
    assert [len(c.descriptive or []) for c in whole(result).classes.values()] == [3, 3, 3]
    assert [(item.slot.class_name, item.text) for item in result.rejected] == [
        (name, bad) for name in bench.card.class_names
    ]
    assert len(bench.server.received) == 3 * 3


def test_of_more_texts_the_best_are_kept(bench: Bench, scripts: ModuleType) -> None:
    bad = "the patient should be referred for further evaluation and biopsy"

    def script(received: Any) -> Any:
        strings = scripts.texts(received.question, received.count)
        strings[0], strings[3] = (
            bad,
            "smooth lump with a dull grey rim on the upper left side",
        )  # names its class
        return scripts.Reply(scripts.completion(json.dumps({"attributes": strings})))

    bench.server.script = script
    result = bench.build(kinds=("descriptive",), over_generate=1.5)
    assert [received.count for received in bench.server.received] == [6, 6, 6]
    texts = whole(result).classes["smooth lump"].descriptive
    assert texts is not None and len(texts) == 4
    given = scripts.texts(bench.server.received[0].question, 6)
    assert list(texts) == [given[1], given[2], given[4], given[5]]
    assert not result.rejected and not result.short
    (run,) = result.attributes.provenance["runs"] if result.attributes else ()
    assert run["over_generate"] == 1.5
    again = bench.build(kinds=("descriptive",), over_generate=1.5)
    assert len(bench.server.received) == 3 and whole(again).id == whole(result).id


def test_more_texts_than_needed_are_enough(bench: Bench, scripts: ModuleType) -> None:
    def short(received: Any) -> Any:
        strings = scripts.texts(received.question, received.count - 1)
        return scripts.Reply(scripts.completion(json.dumps({"attributes": strings})))

    bench.server.script = short
    first = bench.build(kinds=("descriptive",), over_generate=1.5)
    assert len(bench.server.received) == 3 and not first.short  # 5 of 6 are more than 4
    assert whole(bench.build(kinds=("descriptive",), over_generate=1.5)).id == whole(first).id
    assert len(bench.server.received) == 3


def test_one_list_that_cannot_be_had_does_not_lose_the_others(bench: Bench, scripts: ModuleType) -> None:
    bench.server.script = lambda r: (
        scripts.Reply(scripts.completion(None, refusal="no"))
        if 'spiky lump\\" looks' in r.prompt
        else scripts.normal(r)
    )
    result = bench.build()
    assert list(result.failed) == [Slot("spiky lump", "descriptive")]
    assert result.attributes is not None and result.attributes.classes["spiky lump"].descriptive is None
    bench.server.script = scripts.normal
    asked = len(bench.server.received)
    finished = whole(bench.build(result.attributes))
    assert len(bench.server.received) == asked + 1
    with Cache(bench.folder):
        assert attribute_set.dumps(finished) == attribute_set.dumps(whole(bench.build()))


def test_one_in_five_failing_in_mixed_ways(bench: Bench, scripts: ModuleType) -> None:
    ways: list[Callable[[Any], Any]] = [
        lambda r: scripts.error(429, headers={"Retry-After-Ms": "20"}),
        lambda r: scripts.error(500),
        lambda r: scripts.Reply(scripts.completion('{"attributes": ["cut')),
        lambda r: scripts.Reply(scripts.completion('{"attributes": []}')),
        lambda r: scripts.Reply(scripts.completion(None, refusal="no")),
        lambda r: scripts.Reply("<html>", content_type="text/html"),
    ]
    names = [f"finding type {letter}" for letter in "abcdefghij"]
    bench.card = bench.card.model_copy(
        update={"classes": tuple(CardClass(name=name, folder=name) for name in names)}
    )

    # Which request meets which failure depends on the order in which questions first come, not on how many
    # requests are under way: every fifth question fails, every other one of these twice, never twice alike.
    order: dict[str, int] = {}
    failed: dict[str, list[int]] = {}

    def script(received: Any) -> Any:
        fifth, rest = divmod(order.setdefault(received.question, len(order)), 5)
        numbers = failed.setdefault(received.question, [])
        if rest or len(numbers) > fifth % 2:
            return scripts.normal(received)
        numbers.append(received.number)
        return ways[(fifth + len(numbers) - 1) % len(ways)](received)

    bench.server.script = script
    disturbed = whole(bench.build())
    assert len(disturbed.classes) == 10
    kinds = set(bench.ledger.retries)
    assert {"429, too many requests", "500", "invalid answer", "refused"} <= kinds
    assert bench.ledger.wasted.total > 0
    sent = [
        json.dumps(r.body["messages"]) for r in bench.server.received if r.number not in failed[r.question]
    ]
    assert len(sent) == len(set(sent))  # nothing that succeeded was asked twice
    bench.server.script = scripts.normal
    bench.folder = bench.folder.with_name("undisturbed")
    undisturbed = whole(bench.build())
    assert attribute_set.dumps(undisturbed) == attribute_set.dumps(disturbed)


def test_a_token_limit_stops_cleanly_and_a_higher_one_goes_on(bench: Bench) -> None:
    limited = bench.build(ledger=Ledger(max_tokens=1700))
    assert limited.stopped is not None and limited.stopped.code == "spending-limit"
    assert bench.ledger.usage.total <= 1700
    done = len(limited.filled)
    assert 0 < done < 12
    asked = len(bench.server.received)
    assert asked == done
    finished = whole(bench.build(limited.attributes))
    assert len(bench.server.received) == 12
    bench.folder = bench.folder.with_name("other")
    assert attribute_set.dumps(finished) == attribute_set.dumps(whole(bench.build()))


def test_ctrl_c_keeps_what_is_done(bench: Bench, scripts: ModuleType) -> None:
    def script(received: Any) -> Any:
        if received.number == 5:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        return scripts.normal(received) if received.number < 5 else scripts.Reply("", delay=30)

    bench.server.script = script
    result = bench.build()
    assert result.interrupted and len(result.filled) == 5 and result.attributes is not None
    bench.server.script = scripts.normal
    finished = whole(bench.build(result.attributes))
    bench.folder = bench.folder.with_name("other")
    assert attribute_set.dumps(finished) == attribute_set.dumps(whole(bench.build()))


def test_a_wrong_key_ends_the_build(bench: Bench, scripts: ModuleType) -> None:
    bench.server.script = lambda _: scripts.error(401)
    result = bench.build()
    assert result.stopped is not None and result.stopped.code == "server-key-rejected" and not result.filled


def test_a_model_that_gives_nothing_of_use_ends_the_build(bench: Bench, scripts: ModuleType) -> None:
    bench.server.script = lambda r: scripts.Reply(
        scripts.completion(json.dumps({"attributes": [f"key {i}" for i in range(r.count)]}))
    )
    result = bench.build()
    assert isinstance(result.stopped, UserError) and result.stopped.code == "model-unsuitable"
    assert result.attributes is None
    asked = len(bench.server.received)
    assert asked < 12 * 3  # of 12 lists, each with two rounds of replacements
    bench.server.script = scripts.normal
    assert bench.build().complete  # nothing of it stays


def test_one_good_list_is_enough_to_go_on(bench: Bench, scripts: ModuleType) -> None:
    bad = scripts.Reply(scripts.completion(json.dumps({"attributes": ["key a", "key b", "key c", "key d"]})))
    bench.server.script = lambda r: (
        scripts.normal(r) if "smooth lump" in r.question.split("Write")[1][:70] else bad
    )
    result = bench.build(kinds=("descriptive", "distinctive", "ensemble"))
    assert result.stopped is None and len(result.failed) == 8


def test_confusers_of_many_classes_are_named_in_one_call_each(bench: Bench) -> None:
    names = [f"pattern number {number}" for number in range(100)]
    classes = tuple(CardClass(name=name, folder=name) for name in names)
    bench.card = bench.card.model_copy(update={"classes": classes})
    built = whole(bench.build(kinds=["confusion"], confusers=2))
    assert len(bench.server.received) == 100 + 200
    for name, attributes in built.classes.items():
        assert len(attributes.confusion or {}) == 2 and name not in (attributes.confusion or {})


def test_a_tampered_cache_entry_is_not_used(bench: Bench) -> None:
    first = whole(bench.build())
    with Cache(bench.folder) as cache:
        key, entry = next(iter(cache.entries()))
        answer = entry.answer.model_copy(update={"items": entry.answer.items[:-1]})
        cache.put(entry.model_copy(update={"answer": answer}))
        assert cache.get(key) is None
    asked = len(bench.server.received)
    assert attribute_set.dumps(whole(bench.build())) == attribute_set.dumps(first)
    assert len(bench.server.received) == asked + 1


def test_a_tampered_text_is_checked_like_a_fresh_one(bench: Bench) -> None:
    bench.build(kinds=["descriptive"])
    bad = "the patient should be referred for further evaluation and biopsy"
    with Cache(bench.folder) as cache:
        for _, entry in list(cache.entries()):
            answer = entry.answer.model_copy(update={"items": (bad, *entry.answer.items[1:])})
            cache.put(entry.model_copy(update={"answer": answer}))
    built = whole(bench.build(kinds=["descriptive"], offline=True))
    assert [len(c.descriptive or []) for c in built.classes.values()] == [3, 3, 3]
    assert bad not in attribute_set.dumps(built)


def test_provenance_says_how_each_list_came_about(bench: Bench) -> None:
    built = whole(bench.build())
    (run,) = built.provenance["runs"]
    assert built.provenance["source"] == run["source"] == "llm"
    assert run["model"] == "m" and run["resolved_model"] == "m-2026"
    assert set(run["prompts"]) == {"system", "descriptive", "distinctive", "confusion"}
    assert set(run["answer_format"]) == {"version", "sha256"}
    assert run["server"] == "local" and run["structured"] == "json_schema"
    assert run["sampling"] == dict.fromkeys(("temperature", "seed", "max_tokens"), "server default")
    assert run["usage"] == {"prompt_tokens": 1200, "completion_tokens": 600}
    assert "sk-x" not in json.dumps(built.provenance) and "127.0.0.1" not in json.dumps(built.provenance)
    edited = built.model_copy(deep=True)
    texts = edited.classes["smooth lump"].descriptive or []
    texts[0] = "edited by hand"
    place = Slot("smooth lump", "descriptive")
    with Cache(bench.folder) as cache:
        actual = originals(edited, cache)
        assert len(actual) == 12
        assert [item.text for item in actual[place]] == built.classes["smooth lump"].descriptive
    without_cache = originals(edited)[place]
    assert [item.digest for item in without_cache] == [item.digest for item in actual[place]]
    assert {(item.source, item.text) for item in without_cache} == {("llm", None)}


@pytest.mark.parametrize("note", [{"source": "hand", "by": "me"}, {"by": "me"}])
def test_a_run_noted_by_hand_stays(bench: Bench, note: dict[str, Any]) -> None:
    mine = {"runs": [note]}
    existing = AttributeSet(
        dataset="lumps", classes={"spiky lump": ClassAttributes(descriptive=["my words"])}, provenance=mine
    )
    built = whole(bench.build(existing))
    assert built.provenance["runs"][0] == note
    assert built.provenance["source"] == "mixed"
    assert len(built.provenance["runs"]) == 2


@pytest.mark.parametrize(
    ("runs", "key"),
    [
        (5, "runs"),
        ([{"generated": {"spiky lump": {"descriptive": ["x"]}}}], "runs.0.generated.spiky lump.descriptive"),
        ([{"generated": {"spiky lump": {"confusion": {"texts": "x"}}}}], "confusion.texts"),
        ([{"generated": {}, "usage": {"prompt_tokens": "many"}}], "runs.0.usage.prompt_tokens"),
    ],
)
def test_a_damaged_provenance_is_told_before_anybody_is_asked(bench: Bench, runs: object, key: str) -> None:
    mine = {"spiky lump": ClassAttributes(descriptive=["my words"])}
    existing = AttributeSet(dataset="lumps", classes=mine, provenance={"runs": runs})
    with pytest.raises(UserError) as caught:
        bench.build(existing)
    assert caught.value.code == "provenance-value" and key in str(caught.value)
    assert not bench.server.received


def test_no_secret_is_in_the_cache(bench: Bench) -> None:
    bench.build()
    for path in bench.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"sk-x" not in content and b"127.0.0.1" not in content and b"Bearer" not in content
