"""Files of every kind with keys and passwords in their fields, and with commands that must never run."""

from __future__ import annotations

import csv
import io
import json
import pickle
import sqlite3
import struct
import tarfile
import tempfile
import tomllib
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import hostile_values
from tests.fuzz.tree_mutations import to_toml

Text = Callable[[str], str]
_TEXT_ELEMENTS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "SH", "ST", "TM", "UC", "UT")


def plant(rng: Random, content: bytes) -> bytes:
    """The file with planted texts in all of its fields, in sentences only, or in some."""
    share = rng.choice((1.0, 1.0, 0.3, 0.1))
    sentences, how = rng.random() < 0.4, rng.randrange(3)

    def text(value: str) -> str:
        if rng.random() >= share or (sentences and " " not in value):
            return value
        planted = hostile_values.planted(rng)
        return (planted, f"{value} {planted}", f"{planted} {value}")[how]

    return planted_by(text, content)


def planted_by(text: Text, content: bytes) -> bytes:
    """The file with every text in its fields replaced by what `text` gives for it."""
    binary: tuple[tuple[bool, Callable[[Text, bytes], bytes]], ...] = (
        (content.startswith(b"PK\x03\x04"), _zip),
        (content.startswith(b"SQLite format 3"), _sqlite),
        (content.startswith(b"PAR1"), _parquet),
        (content.startswith(b"\x89PNG"), _png),
        (content.startswith(b"\xff\xd8"), _jpeg),
        (content.startswith(b"HTTP/"), _response),
        (content[257:262] == b"ustar", _tar),
        (content[128:132] == b"DICM", _dicom),
        (content[8:9] == b"{" and content[:2] != b"{\n", _safetensors),
        (content.startswith((b"\x80\x02", b"\x80\x04")), _pickled),
    )
    for matches, function in binary:
        if matches:
            return function(text, content)
    try:
        lines = content.decode()
    except UnicodeDecodeError:
        return content + text(" ").encode("utf-8", "replace")  # other images: behind their end
    for parse in (_json, _json_lines, _toml, _csv):
        try:
            return parse(text, lines)
        except (ValueError, csv.Error):
            continue
    return "".join(f"{text(line)}\n" for line in lines.splitlines()).encode("utf-8", "surrogatepass")


def _tree(text: Text, value: Any) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [_tree(text, entry) for entry in value]
    if isinstance(value, dict):
        named = {key if " " not in key else text(key): _tree(text, entry) for key, entry in value.items()}
        return {**named, **({text(" "): text(" ")} if text(" ") != " " else {})}
    return value


def _json(text: Text, content: str) -> bytes:
    value = json.loads(content)
    if not isinstance(value, (dict, list)):
        raise ValueError("a number or a word: a line of another format")
    return json.dumps(_tree(text, value), indent=2).encode()


def _json_lines(text: Text, content: str) -> bytes:
    values = [json.loads(line) for line in content.splitlines()]
    return b"".join(json.dumps(_tree(text, value)).encode() + b"\n" for value in values)


MOST_DOTS = 1000


def _toml(text: Text, content: str) -> bytes:
    if any(line.count(".") > MOST_DOTS for line in content.splitlines()):
        raise ValueError("a key of so many parts would take the parser hours")
    return to_toml(_tree(text, tomllib.loads(content)))


def _csv(text: Text, content: str) -> bytes:
    rows = list(csv.reader(io.StringIO(content)))
    if min(map(len, rows)) < 2:
        raise ValueError("one column: lines of text")
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([[text(cell) for cell in row] for row in rows])
    return stream.getvalue().encode("utf-8", "surrogatepass")


def _response(text: Text, content: bytes) -> bytes:
    head, _, body = content.partition(b"\r\n\r\n")
    body = planted_by(text, body)
    lines = head.decode("latin-1").split("\r\n")
    named = [line.partition(": ") for line in lines[1:]]
    fixed = {"content-length": str(len(body)), "connection": "close", "content-type": "application/json"}
    headers = [f"{name}: {fixed.get(name.lower()) or one_line(text(value))}" for name, _, value in named]
    headers += [f"Location: {one_line(text('http://127.0.0.1:9/'))}", f"X-Note: {one_line(text(' '))}"]
    first = f"{lines[0][:12]} {one_line(text('OK'))}"
    return "\r\n".join((first, *headers, "", "")).encode("utf-8", "replace") + body


def one_line(value: str) -> str:
    """A text without line breaks."""
    return " ".join(value.split())


def _zip(text: Text, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(stream, "w") as new:
        for name in archive.namelist():
            data = archive.read(name)
            new.writestr(name, data if name.endswith((".npy", ".pkl")) else planted_by(text, data))
        for name in archive.namelist()[:2]:
            new.writestr(_name(text, name), archive.read(name))
        new.comment = text(" ").encode("utf-8", "replace")
    return stream.getvalue()


def _name(text: Text, name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{one_line(text(stem))}{dot}{suffix}".encode("utf-8", "replace").decode().replace("\x00", "")


def _tar(text: Text, content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive, tarfile.open(fileobj=stream, mode="w") as new:
        members = [member for member in archive if member.isreg()]
        for number, member in enumerate(members):
            data = archive.extractfile(member)
            assert data is not None
            read = data.read()
            member.pax_headers = {"comment": text(" ").encode("utf-8", "replace").decode()}
            if number % 2:
                member.name = _name(text, member.name)
            member.uname = member.gname = one_line(text("user"))[:31].encode("ascii", "replace").decode()
            new.addfile(member, io.BytesIO(read))
    return stream.getvalue()


def _safetensors(text: Text, content: bytes) -> bytes:
    (size,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    metadata = header.get("__metadata__", {})
    for key, value in metadata.items():
        try:
            metadata[key] = _json(text, value).decode()
        except ValueError:
            metadata[key] = text(value)
    first = next(name for name in header if name != "__metadata__")
    header = {text(name) if name == first else name: value for name, value in header.items()}
    header["__metadata__"] = {**metadata, text(" "): text(" ")}
    new = json.dumps(header).encode()
    return struct.pack("<Q", len(new)) + new + data


def _pickled(text: Text, content: bytes) -> bytes:
    return pickle.dumps({text("state_dict"): hostile_values.Executing(), "note": text(" ")})


def _sqlite(text: Text, content: bytes) -> bytes:
    def cell(value: str) -> str:
        try:
            return _json(text, value).decode()
        except ValueError:
            return text(value)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cache.db"
        file.write_bytes(content)
        database = sqlite3.connect(file, isolation_level=None)
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info('{table}')")]
            for column in columns:
                cells = database.execute(f"SELECT rowid, {column} FROM '{table}'").fetchall()
                for row, value in cells:
                    if isinstance(value, str) and not (table == "Settings" and column == "key"):
                        new = cell(value).encode("utf-8", "replace").decode()
                        database.execute(
                            f"UPDATE OR IGNORE '{table}' SET {column} = ? WHERE rowid = ?", (new, row)
                        )
        database.execute("PRAGMA journal_mode = DELETE")
        database.close()
        return file.read_bytes()


def _parquet(text: Text, content: bytes) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    def clean(value: str) -> str:
        return text(value).encode("utf-8", "replace").decode()

    table = parquet.read_table(io.BytesIO(content))
    for number, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            cells = [clean(cell or "") for cell in table.column(number).to_pylist()]
            table = table.set_column(number, field.name, pa.array(cells))
    table = table.append_column(clean(" "), pa.array([clean(" ") for _ in range(table.num_rows)]))
    table = table.replace_schema_metadata({clean(" "): clean(" ")})
    stream = io.BytesIO()
    parquet.write_table(table, stream, compression="none")
    return stream.getvalue()


def _png(text: Text, content: bytes) -> bytes:
    data = b"Comment\x00" + text(" ").encode("latin-1", "replace").replace(b"\x00", b"")
    chunk = struct.pack(">I", len(data)) + b"tEXt" + data + struct.pack(">I", zlib.crc32(b"tEXt" + data))
    return content[:33] + chunk + content[33:]


def _jpeg(text: Text, content: bytes) -> bytes:
    data = text(" ").encode("utf-8", "replace")[:60_000]
    return content[:2] + b"\xff\xfe" + struct.pack(">H", len(data) + 2) + data + content[2:]


def _dicom(text: Text, content: bytes) -> bytes:
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(io.BytesIO(content), force=True)
        for name in ("PatientComments", "StudyDescription", "InstitutionName"):
            setattr(data, name, " ")
        for element in data:
            if element.VR in _TEXT_ELEMENTS and isinstance(element.value, str):
                element._value = text(element.value).encode("utf-8", "replace").decode()
        stream = io.BytesIO()
        pydicom.dcmwrite(stream, data, enforce_file_format=False)
    return stream.getvalue()
