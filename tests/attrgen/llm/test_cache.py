"""The cache: text only, private, portable, validated."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
from pathlib import Path
from typing import Any

import diskcache
import pytest

from attrgen.core.errors import UserError
from attrgen.llm import cache as caches
from attrgen.llm.cache import About, Cache, CacheEntry, Refused
from attrgen.llm.request import Answer, ListFormat, Request, Sampling

ABOUT = About(dataset="lumps", class_name="smooth lump", kind="descriptive")


def request(text: str = "Write.", **fields: Any) -> Request:
    messages = (("system", "You write."), ("user", text))
    form = ListFormat(field="attributes", count=2)
    return Request(**{"model": "m", "messages": messages, "format": form, **fields})


def entry(text: str = "Write.", items: tuple[str, ...] = ("one über", "two")) -> CacheEntry:
    answer = Answer(items=items, resolved_model="m-1", date="2026-01-02")
    return CacheEntry(request=request(text), answer=answer, about=ABOUT)


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.place),)


def test_what_is_put_is_there(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        key = cache.put(entry())
        assert key == request().key()
        assert cache.answer(request()) == entry().answer
        assert cache.answer(request("Something else.")) is None
    with Cache(tmp_path) as again:
        assert again.answer(request()) == entry().answer


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "llm").mkdir(mode=0o777)
    with Cache(tmp_path) as cache:
        assert cache.folder.stat().st_mode & 0o777 == 0o700


def test_a_key_depends_on_every_part_of_what_is_asked() -> None:
    form = ListFormat(field="attributes", count=3)
    others = [
        request("Other."),
        request(model="n"),
        request(format=form),
        request(format=ListFormat(field="attributes", count=2, choices=("a", "b"))),
        request(sampling=Sampling(temperature=0)),
        request(sampling=Sampling(seed=0)),
    ]
    assert len({item.key() for item in (request(), *others)}) == len(others) + 1
    assert request().key() == request().key()


@pytest.mark.parametrize("value", [b"bytes", 3, {"a": 1}, None, Bomb(Path("x")), ("a",)])
def test_only_text_is_written(tmp_path: Path, value: object) -> None:
    with Cache(tmp_path) as cache:
        with pytest.raises(Refused):
            cache._disk.set("key", value)
        with pytest.raises(Refused):
            cache._disk.set(value, "text")


def test_a_planted_pickle_is_not_run(tmp_path: Path) -> None:
    """An attacker writes into the database with plain diskcache, which pickles values and keys."""
    fired = tmp_path / "fired"
    key = request().key()
    Cache(tmp_path).close()
    with diskcache.Cache(str(tmp_path / "llm")) as plain:
        plain.set(key, Bomb(fired))
        plain.set((1, Bomb(fired)), "a pickled key")
        large = diskcache.Disk(plain.directory, min_file_size=0)
        _, mode, filename, _ = large.store(Bomb(fired), False)
        plain._sql(
            "UPDATE Cache SET mode = ?, filename = ?, value = NULL WHERE key = ?", (mode, filename, key)
        )
    with Cache(tmp_path) as cache:
        assert cache.answer(request()) is None
        assert list(cache.entries()) == []
        assert len(list(cache.verify())) == 2
        assert cache.put(entry()) == key
        assert cache.answer(request()) == entry().answer
        cache.clear()
        assert cache.keys() == []
    assert not fired.exists()
    with diskcache.Cache(str(tmp_path / "llm")) as plain:  # the bomb works where pickles are read
        plain.set("bomb", Bomb(fired))
        plain.get("bomb")
    assert fired.exists()


def test_a_planted_row_cannot_name_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("private")
    with Cache(tmp_path) as cache:
        key = cache.put(entry())
        cache._disk._sql("UPDATE Cache SET mode = 3, filename = ?, value = NULL", (str(secret),))
        assert cache.get(key) is None
        cache.put(entry())
        assert secret.exists()
        cache._disk._sql("UPDATE Cache SET filename = ?", (str(secret),))
        assert cache.clear() == 1
    assert secret.exists()


def _edited(**changes: Any) -> str:
    value = json.loads(entry().model_dump_json(exclude_none=True))
    for place, new in changes.items():
        *parents, last = place.split("__")
        target = value
        for name in parents:
            target = target[name]
        target[last] = new
    return json.dumps(value)


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        (_edited(request__model="other"), "the key is not that of the request"),
        (_edited(answer__items=["one"]), "1 strings instead of exactly 2"),
        (_edited(answer__items=["one", ""]), "empty"),
        (_edited(answer__items=["one", "two\u0000"]), "answer is not valid"),
        (_edited(answer__date="yesterday"), "answer.date"),
        (_edited(api_key="sk-x"), "api_key"),
        ("no JSON", "Invalid JSON"),
        ("[]", "object"),
        (pickle.dumps("x", protocol=0).decode(), "Invalid JSON"),
    ],
)
def test_a_tampered_entry_is_found_and_not_used(tmp_path: Path, text: str, defect: str) -> None:
    with Cache(tmp_path) as cache:
        key = cache.put(entry())
        assert list(cache.verify()) == []
        cache._disk.set(key, text)
        assert cache.answer(request()) is None
        ((actual, why),) = cache.verify()
        assert actual == key and defect in why


def test_export_and_import(tmp_path: Path) -> None:
    file, again = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    with Cache(tmp_path / "one") as cache:
        for number in range(5):
            cache.put(entry(f"Write {number}."))
        assert caches.export(cache, file) == 5
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["key"] for line in lines] == sorted(json.loads(line)["key"] for line in lines)
    assert "über" in lines[0]
    with Cache(tmp_path / "two") as other:
        other.put(entry("Write 0.", ("own", "words")))
        assert caches.import_(other, file) == (4, 1)
        assert (other.answer(request("Write 0.")) or entry().answer).items == ("own", "words")
        assert caches.import_(other, file, replace=True) == (5, 0)
        caches.export(other, again)
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"key": 3}', '{"key": "x"}', "[" * 100_000])
def test_an_import_with_a_defect_takes_nothing(tmp_path: Path, line: str) -> None:
    file = tmp_path / "a.jsonl"
    good = json.dumps({"key": request().key(), **json.loads(entry().model_dump_json(exclude_none=True))})
    file.write_text(f"{good}\n{line}\n")
    with Cache(tmp_path) as cache:
        with pytest.raises(UserError, match=r"a\.jsonl:2: not a valid entry"):
            caches.import_(cache, file)
        assert cache.keys() == []


def test_find_by_the_first_digits(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        key = cache.put(entry())
        assert cache.find(key[:6]) == [entry()]
        with pytest.raises(UserError) as caught:
            cache.find("zz")
        assert caught.value.code == "cache-which-entry"


def test_find_by_what_the_answer_was_for_and_the_last_one(tmp_path: Path) -> None:
    def about(class_name: str, kind: str, confused: str | None = None) -> About:
        return About(dataset="lumps", class_name=class_name, kind=kind, confused=confused)

    abouts = [about("b", "descriptive"), about("a", "confusion", "b"), about("ab", "descriptive")]
    entries = [entry(f"Write {number}.").model_copy(update={"about": of}) for number, of in enumerate(abouts)]
    with Cache(tmp_path) as cache:
        for item in entries:
            cache.put(item)
        assert cache.find("last") == [entries[2]]
        assert cache.find("lumps/a") == cache.find("Lumps/a/confusion/b/") == [entries[1]]
        assert sorted(item.about.class_name for item in cache.find("lumps")) == ["a", "ab", "b"]
        for words in ("lumps/c", "lump", "lumps/a/confusion/c", ""):
            with pytest.raises(UserError) as caught:
                cache.find(words)
            assert caught.value.code == "cache-which-entry"


def test_a_folder_that_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "llm").mkdir()
    (tmp_path / "llm" / "cache.db").write_bytes(b"this is no database, only some bytes of text" * 50)
    with Cache(tmp_path) as cache:
        assert cache.keys() == [] and cache.put(entry())
    kept = tmp_path / "llm.damaged-1" / "cache.db"
    assert kept.read_bytes() == b"this is no database, only some bytes of text" * 50
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="--cache"):
        Cache(tmp_path / "file")


def test_values_are_plain_text_in_the_database(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        cache.put(entry())
        folder = cache.folder
    with sqlite3.connect(folder / "cache.db") as database:
        rows = database.execute("SELECT mode, typeof(key), typeof(value), filename FROM Cache").fetchall()
    assert rows == [(1, "text", "text", None)]
