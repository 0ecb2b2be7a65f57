"""The cache of LLM answers: `cache/llm/`, one JSON text per request, safe to delete, portable to share.

An export is a JSON-lines file, one entry per line in the order of the keys::

    {"key": "9f…", "request": {"model": …, "messages": …, "format": …, "sampling": …},
     "answer": {"items": …, "resolved_model": …, "usage": …, "date": …}, "about": {…}}   (on one line)

A key is the SHA-256 of what was asked and an id of the server (`Request.key`): no API key, header or path is
in an entry, and no address of a machine that is not on the internet.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError, one_or_many
from attrgen.core.files import LARGEST_TABLE, read_text, write_text
from attrgen.core.shell import command
from attrgen.core.validation import Frozen, validate_json
from attrgen.llm import cache_database as database
from attrgen.llm.request import Answer, InvalidAnswer, Request
from attrgen.llm.text_disk import Refused

_MOST_ERRORS = 20
_log = logging.getLogger(__name__)


class About(Frozen):
    """What the answer was for, so that a person finds it; not part of the key."""

    dataset: str
    class_name: str
    kind: str
    confused: str | None = None

    def covered_by(self, words: str) -> bool:
        """Whether `DATASET[/CLASS[/KIND[/CLASS]]]` names it, or what it is a part of."""
        path = "/".join(filter(None, (self.dataset, self.class_name, self.kind, self.confused)))
        return f"{path}/".casefold().startswith(f"{words.rstrip('/')}/".casefold())


class CacheEntry(Frozen):
    """A request, its valid answer, and what it was for."""

    request: Request
    answer: Answer
    about: About


class Cache:
    """Answers by request, on disk. Close it, or use it in a `with` statement.

    Args:
        folder: the cache's root, for instance `cache`; answers are in its `llm` folder.

    A damaged database counts as absent: it is set aside, and a new one is begun.

    Raises:
        UserError: the folder cannot be created or used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "llm"
        with self._reported():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
        try:
            self._disk = database.opened(self.folder)
        except UserError as error:
            if error.code != database.DAMAGED:
                raise
            self._set_aside(error)
            self._disk = database.opened(self.folder)

    def _set_aside(self, error: UserError) -> None:
        """Keep a damaged cache under another name: it counts as absent, and nothing of it is deleted."""
        number = next(n for n in count(1) if not self.folder.with_name(f"llm.damaged-{n}").exists())
        kept = self.folder.with_name(f"llm.damaged-{number}")
        with self._reported():
            self.folder.rename(kept)
            self.folder.mkdir(mode=0o700)
        _log.warning("note: %s It was moved to %s, and a new one begun.", error.at(self.folder), kept)

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._disk.close()

    def answer(self, request: Request) -> Answer | None:
        """The answer that `lookup` gives."""
        match = self.lookup(request)
        return None if match is None else match[1].answer

    def lookup(self, request: Request) -> tuple[str, CacheEntry] | None:
        """Key and entry of the answer to `request`, validated like a new one, or None.

        Answers of other servers count only where `request.server` is None (nobody can be asked), then the
        one of the latest date; answers of older versions, which name no server, count for every server.
        """
        key = request.key()
        question, _, server = key.partition("-")
        keys = [key, question] if server else [question, *self._with_question(question)]
        entries = ((key, entry) for key in keys if (entry := self.get(key)) is not None)
        if server:
            return next(entries, None)
        return max(entries, key=lambda item: (item[1].answer.date, item[0]), default=None)

    def _with_question(self, question: str) -> list[str]:
        with self._reported():
            rows = self._disk._sql(
                "SELECT key FROM Cache WHERE raw = 1 AND typeof(key) = 'text' AND key > ? AND key < ?",
                (f"{question}-", f"{question}."),
            ).fetchall()
        return sorted(key for (key,) in rows)

    def get(self, key: str) -> CacheEntry | None:
        """The entry of that key; None where there is none or it is not valid (see `verify`)."""
        with self._reported():
            try:
                text = self._disk.get(key, retry=True)
            except Refused:
                return None
        return None if text is None else cached(lambda: parse(key, text))

    def find(self, words: str) -> list[CacheEntry]:
        """The entry whose key begins so, the `last` one that was stored, or those for a list or class.

        Args:
            words: the first digits of a key, `last`, or `DATASET[/CLASS[/KIND[/CLASS]]]`.

        Raises:
            UserError: there is none, several keys begin so, or the one entry is not valid.
        """
        if words == "last":
            keys = self._stored()[-1:]
        else:
            keys = [key for key in self.keys() if key.startswith(words)]
            about = (
                [entry for _, entry in self.entries() if entry.about.covered_by(words)] if not keys else []
            )
            if about:
                return about
        if len(keys) != 1:
            raise UserError(
                f"{len(keys) or 'no'} entries of the cache fit '{words}'",
                code="cache-which-entry",
                file=self.folder,
                remedy=f"See {command('attrgen', 'cache', 'list', '--cache', self.folder.parent)}.",
            )
        entry = self.get(keys[0])
        if entry is None:
            raise UserError(
                f"entry {keys[0][:12]} is not valid",
                code="cache-invalid-entry",
                file=self.folder,
                remedy=f"See {command('attrgen', 'cache', 'verify', '--cache', self.folder.parent)}.",
            )
        return [entry]

    def _stored(self) -> list[str]:
        """All keys in the order in which they were stored."""
        with self._reported():
            rows = self._disk._sql(
                "SELECT key FROM Cache WHERE raw = 1 AND typeof(key) = 'text' ORDER BY store_time, rowid"
            ).fetchall()
        return [key for (key,) in rows]

    def put(self, entry: CacheEntry) -> str:
        """Store an entry at once; gives its key."""
        key = entry.request.key()
        with self._reported():
            self._disk.set(key, entry.model_dump_json(exclude_none=True), retry=True)
        return key

    def keys(self) -> list[str]:
        """All keys, sorted; entries whose key is not text are left out."""
        with self._reported():
            rows = self._disk._sql("SELECT key FROM Cache WHERE raw = 1 AND typeof(key) = 'text'").fetchall()
        return sorted(key for (key,) in rows)

    def entries(self) -> Iterator[tuple[str, CacheEntry]]:
        """All valid entries with their keys, in the order of the keys."""
        for key in self.keys():
            if (entry := self.get(key)) is not None:
                yield key, entry

    def verify(self) -> Iterator[tuple[str, str]]:
        """Key and error of every entry that is not valid; such entries are never used."""
        with self._reported():
            rows = self._disk._sql("SELECT key, raw, mode, filename, value FROM Cache").fetchall()
        for key, raw, mode, filename, value in rows:
            try:
                text = self._disk.disk.fetch(mode, filename, value, False)
                parse(self._disk.disk.get(key, bool(raw)), text)
            except (Refused, InvalidEntry) as error:
                yield str(key) if isinstance(key, str) else "(a key that is not text)", str(error)

    def clear(self, keys: list[str] | None = None) -> int:
        """Remove those entries, or everything; gives how many there were."""
        with self._reported():
            if keys is None:
                return int(self._disk.clear(retry=True))
            return sum(bool(self._disk.delete(key, retry=True)) for key in keys)

    def _reported(self) -> AbstractContextManager[None]:
        return database.reported(self.folder)


class InvalidEntry(ValueError):
    """A cached text that is not a valid entry."""


def parse(key: str, text: str) -> CacheEntry:
    """An entry from its JSON text, validated like a new answer.

    Raises:
        InvalidEntry: it does not have the form of an entry, its key is not that of its request, or the
            request does not allow its answer.
    """
    try:
        entry = validate_json(CacheEntry, text, what="cache entry", code="cache-entry")
        if entry.request.key() != key:
            raise InvalidEntry("the key is not that of the request")
        form, answer = entry.request.format, entry.answer
        form.validate_items({form.field: list(answer.items)}, fewer=answer.incomplete is True)
    except UserError as error:
        raise InvalidEntry(error.what) from error
    except InvalidAnswer as error:
        raise InvalidEntry(f"the answer is not valid: {error}") from error
    return entry


def export(cache: Cache, path: Path) -> int:
    """Write all valid entries to a JSON-lines file; gives how many.

    Raises:
        UserError: the file cannot be written.
    """
    lines = [
        json.dumps({"key": key, **entry.model_dump(mode="json", exclude_none=True)}, ensure_ascii=False)
        for key, entry in cache.entries()
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))
    return len(lines)


def import_(cache: Cache, path: Path, *, replace: bool = False) -> tuple[int, int]:
    """Add the entries of an export; an entry that is already there stays unless `replace`.

    Gives how many were added and how many were there already.

    Raises:
        UserError: a line is not a valid entry; then nothing is added.
    """
    entries: list[tuple[str, CacheEntry]] = []
    errors: list[UserError] = []
    for number, line in enumerate(
        read_text(path, what="cache export", largest=LARGEST_TABLE).split("\n"), start=1
    ):
        if not line.strip():
            continue
        try:
            entries.append(_exported(line))
        except (ValueError, RecursionError) as error:
            errors.append(
                UserError(
                    f"not a valid entry: {error}",
                    code="cache-invalid-entry",
                    file=path,
                    line=number,
                    remedy="Export the cache again, or remove the line.",
                )
            )
    if errors:
        raise one_or_many(errors[:_MOST_ERRORS])
    known = set() if replace else set(cache.keys())
    new = [entry for key, entry in entries if key not in known]
    for entry in new:
        cache.put(entry)
    return len(new), len(entries) - len(new)


def _exported(line: str) -> tuple[str, CacheEntry]:
    """Key and entry in a line of an export."""
    value = json.loads(line)
    if not isinstance(value, dict) or not isinstance(value.get("key"), str):
        raise InvalidEntry("not a cache entry with a key")
    key = value.pop("key")
    return key, parse(key, json.dumps(value))
