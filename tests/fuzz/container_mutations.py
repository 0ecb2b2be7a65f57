"""Damage inside of binary formats that keeps their outer form: archives, arrays, databases, DICOM."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import sqlite3
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import hostile_values
from tests.fuzz.byte_mutations import BYTES, Mutation
from tests.fuzz.tree_mutations import changed, deep_json, in_csv, in_json, to_json

_BOMB = zlib.compress(b"\x00" * 50_000_000, 9)
_NAMES = (
    "../out.png",
    "/etc/passwd",
    "a/../../x.png",
    "C:\\x.png",
    "",
    "CON.png",
    "\x1b[31mred.png",
    "a" * 5000 + ".png",
    "x/" * 500 + "x.png",
    "\ud800.png",
    "train/bright_spot",
    "train/bright_spot/new\nline.png",
)


def in_member(rng: Random, content: bytes) -> bytes:
    """One file of a zip damaged, its checksum right."""
    members = _members(content)
    name = rng.choice(list(members))
    members[name] = rng.choice(BYTES)(rng, members[name])
    return _zipped(rng, members)


def zip_entries(rng: Random, content: bytes) -> bytes:
    """A zip with entries of strange names, twice, or that are very large when unpacked."""
    members = _members(content)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        for _ in range(rng.choice((1, 1, 3))):
            entry = zipfile.ZipInfo(rng.choice((*_NAMES, *members)).encode("utf-8", "replace").decode())
            entry.external_attr = rng.choice((0o100644, 0o120777, 0o060644, 0o040755)) << 16
            entry.compress_type = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
            data = rng.choice((b"", b"/etc/passwd", b"\x00" * 20_000_000, *members.values()))
            archive.writestr(entry, data)
    return stream.getvalue()


def zip_fields(rng: Random, content: bytes) -> bytes:
    """Sizes, offsets, flags and methods in a zip's directory changed."""
    changed_bytes = bytearray(content)
    positions = [
        at for mark in (b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04") for at in _find_all(content, mark)
    ]
    for _ in range(rng.choice((1, 2, 4))):
        if positions:
            at = rng.choice(positions) + rng.randrange(4, 46)
            value = rng.choice((b"\xff\xff\xff\xff", b"\x00\x00", b"\x01", b"\x63\x00", rng.randbytes(4)))
            changed_bytes[at : at + len(value)] = value
    return bytes(changed_bytes)


def tar_headers(rng: Random, content: bytes) -> bytes:
    """Fields of a tar header changed, its checksum right."""
    changed_bytes = bytearray(content)
    headers = [at for at in range(0, len(content) - 512, 512) if content[at + 257 : at + 262] == b"ustar"]
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.choice(headers)
        start, length = rng.choice(
            ((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (157, 100), (345, 155))
        )
        values = (
            b"/etc/passwd",
            b"../x.png",
            b"777777777777",
            b"-1",
            b"\xff" * length,
            b"x",
            b"g",
            b"L",
            b"S",
            b"1",
        )
        value = rng.choice(values)[:length]
        changed_bytes[at + start : at + start + length] = value.ljust(length, b"\x00")
        changed_bytes[at + 148 : at + 156] = b" " * 8
        total = sum(changed_bytes[at : at + 512])
        changed_bytes[at + 148 : at + 156] = b"%06o\x00 " % total
    return bytes(changed_bytes)


def npz_arrays(rng: Random, content: bytes) -> bytes:
    """Arrays of other types and shapes, with other headers, or with pickled objects in them."""
    import numpy as np

    members = _members(content)
    name = rng.choice(list(members))
    kind = rng.randrange(5)
    if kind == 0:
        members[name] = _npy_header(rng, members[name])
    elif kind == 1:
        members[name] = _npy(np.array([hostile_values.Executing()], dtype=object))
    elif kind == 2:
        array = np.load(io.BytesIO(members[name]))
        dtype = rng.choice(
            ("float64", "complex64", "bool", "uint64", "int64", "U8", "S3", "datetime64[D]", "V3", ">u2")
        )
        members[name] = _npy(array.astype(dtype) if dtype != "V3" else np.zeros(array.shape, dtype))
    elif kind == 3:
        array = np.load(io.BytesIO(members[name])).astype("int64")
        members[name] = _npy(array + rng.choice((10**15, 2**62, -5, 100, 10**6)))
    else:
        shape = rng.choice(
            ((0,), (), (1, 1, 1, 1, 1), (12, 0, 20), (10**6, 0), (12, 1), (1, 12), (12, 2, 2, 2))
        )
        members[name] = _npy(np.zeros(shape, rng.choice(("uint8", "int64", "uint16"))))
    return _zipped(rng, members)


def safetensors_header(rng: Random, content: bytes) -> bytes:
    """The JSON header of a safetensors file changed, its length right or wrong."""
    (size,) = struct.unpack("<Q", content[:8])
    header, data = content[8 : 8 + size], content[8 + size :]
    new = rng.choice((in_json, in_json, in_json, in_json, deep_json))(rng, header)
    length = len(new) if rng.random() < 0.9 else rng.choice((0, 2**63, 2**40, len(new) - 1))
    return struct.pack("<Q", length) + new + data


def safetensors_tensors(rng: Random, content: bytes) -> bytes:
    """Tensors of other shapes, types and values, or missing or added ones, in a valid file."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import load, save

    tensors = load(content)
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        Path(file.name).write_bytes(content)
        with safe_open(file.name, framework="pt") as opened:
            metadata = opened.metadata() or {}
    name = rng.choice(list(tensors))
    kind = rng.randrange(6)
    if kind == 0:
        del tensors[name]
    elif kind == 1:
        tensors[rng.choice(("x", "", "\x1b[2J", "parameter.x", "optimizer.0.0.x"))] = torch.zeros(
            rng.choice((0, 3))
        )
    elif kind == 2:
        shape = rng.choice(((), (0,), (1,), (7,), (1, 1, 1), (2, 0, 3)))
        tensors[name] = torch.zeros(shape)
    elif kind == 3:
        dtype = rng.choice(
            (torch.int64, torch.float16, torch.bool, torch.uint8, torch.bfloat16, torch.float64)
        )
        tensors[name] = tensors[name].to(dtype)
    elif kind == 4 and tensors[name].is_floating_point():
        tensors[name] = torch.full_like(tensors[name], rng.choice((float("nan"), float("inf"), 1e38, 0.0)))
    else:
        tensors[name] = torch.randint(0, 255, tensors[name].shape, dtype=torch.uint8)
    for key, value in metadata.items():
        if rng.random() < 0.3:
            metadata[key] = _text_of(rng, value)
    return bytes(save(tensors, metadata=metadata))


def pickled(rng: Random, content: bytes) -> bytes:
    """A pickle that would run a command, in one of the forms that torch writes."""
    import torch

    stream = io.BytesIO()
    as_zip = rng.random() < 0.5
    torch.save(
        {"state_dict": hostile_values.Executing(), "w": torch.zeros(2)},
        stream,
        _use_new_zipfile_serialization=as_zip,
    )
    return rng.choice((stream.getvalue(), pickle.dumps(hostile_values.Executing())))


def parquet_table(rng: Random, content: bytes) -> bytes:
    """A Parquet table with columns of other types and titles."""
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(content))
    number, rows = rng.randrange(table.num_columns), table.num_rows
    columns = {
        "list": pa.array([[1, None]] * rows),
        "struct": pa.array([{"a": {"b": 1}}] * rows),
        "binary": pa.array([b"\xff\x00"] * rows),
        "time": pa.array([2**62] * rows, pa.timestamp("us")),
        "far date": pa.array([2**30] * rows, pa.date32()),
        "zone": pa.array([0] * rows, pa.timestamp("ns", "Not/AZone")),
        "duration": pa.array([2**62] * rows, pa.duration("s")),
        "float": pa.array([float("nan")] * rows),
        "null": pa.nulls(rows),
        "decimal": pa.array([None] * rows, pa.decimal256(70, 3)),
        "bool": pa.array([True] * rows),
        "dictionary": pa.array([None, *["x"] * (rows - 1)]).dictionary_encode(),
        "big": pa.array([10**15] * rows),
        "text": pa.array([hostile_values.text(rng).encode("utf-8", "replace").decode()] * rows),
    }
    column = columns[rng.choice(list(columns))]
    title = rng.choice((table.column_names[number], table.column_names[number], "label", "", "\x1b[2J"))
    table = table.set_column(number, title, column)
    stream = io.BytesIO()
    parquet.write_table(
        table.slice(0, rng.choice((0, 1, rows))), stream, compression=rng.choice(("none", "snappy", "gzip"))
    )
    return stream.getvalue()


def sqlite_rows(rng: Random, content: bytes) -> bytes:
    """A cache database with rows, settings or tables that its program never writes."""
    planted = pickle.dumps(hostile_values.Executing())
    text = hostile_values.text(rng).encode("utf-8", "replace").decode()
    statements: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("UPDATE Cache SET mode = 4, value = ?", (planted,)),
        ("UPDATE Cache SET raw = 0, key = ?", (planted,)),
        ("UPDATE Cache SET value = ?", (planted,)),
        ("UPDATE Cache SET value = ?", (text,)),
        ("UPDATE Cache SET value = ?", (rng.choice((None, 1, 1.5, 2**62)),)),
        ("UPDATE Cache SET key = ? WHERE rowid = 1", (text,)),
        ("UPDATE Cache SET key = ? WHERE rowid = 1", (7,)),
        ("UPDATE Cache SET filename = ?, mode = 2", (f"../../{text}",)),
        ("UPDATE Cache SET expire_time = ?", (rng.choice((0, -1, 1e300, "x")),)),
        ("UPDATE Cache SET value = replace(value, '\"', ?)", (text,)),
        ("UPDATE Cache SET value = substr(value, 1, 50)", ()),
        ("UPDATE Cache SET value = replace(hex(zeroblob(2000000)), '00', '[')", ()),
        ("UPDATE Settings SET value = ?", (rng.choice((planted, text, None, -1, 10**12)),)),
        ("UPDATE Settings SET value = ? WHERE key = 'eviction_policy'", (text,)),
        ("UPDATE Settings SET value = ? WHERE key = 'size_limit'", (1,)),
        ("INSERT OR REPLACE INTO Settings VALUES ('disk', ?)", (text,)),
        ("DELETE FROM Settings", ()),
        ("DROP TABLE Cache", ()),
        ("DROP TABLE Settings", ()),
        ("CREATE TRIGGER t AFTER UPDATE ON Settings BEGIN DELETE FROM Cache; END", ()),
        ("ALTER TABLE Cache RENAME COLUMN value TO worth", ()),
        ("PRAGMA user_version = 99", ()),
        ("PRAGMA journal_mode = DELETE", ()),
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cache.db"
        file.write_bytes(content)
        database = sqlite3.connect(file, isolation_level=None)
        for _ in range(rng.choice((1, 1, 2))):
            with contextlib.suppress(sqlite3.Error):
                database.execute(*rng.choice(statements))
        database.execute("PRAGMA journal_mode = DELETE")
        database.close()
        return file.read_bytes()


def dicom_elements(rng: Random, content: bytes) -> bytes:
    """A DICOM file whose elements have other values, or lack."""
    import warnings

    import pydicom
    from pydicom.dataelem import DataElement

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(io.BytesIO(content), force=True)
        for _ in range(rng.choice((1, 1, 2, 4))):
            element = rng.choice(list(data) + list(data.file_meta))
            holder = data.file_meta if element.tag.group == 2 else data
            try:
                if rng.random() < 0.3:
                    del holder[element.tag]
                elif element.VR in ("US", "SS", "UL"):
                    element.value = rng.choice((0, 1, 2, 7, 32, 65535, 4096))
                elif element.VR in ("OB", "OW", "OB or OW"):
                    element.value = rng.choice(
                        (b"", element.value[:-3] + b"\x00", element.value * 3, b"\xfe\xff\x00\xe0")
                    )
                elif rng.random() < 0.2:
                    other = rng.choice(("SQ", "UN", "FD", "DS", "AT"))
                    holder[element.tag] = DataElement(
                        element.tag, other, [] if other == "SQ" else b"" if other == "UN" else None
                    )
                else:
                    element._value = rng.choice(
                        (
                            "x",
                            "0",
                            "-1",
                            "1e400",
                            "nan",
                            "",
                            "1\\2\\3",
                            0,
                            "1.2.840.10008.1.2.5",
                            *[hostile_values.text(rng)],
                        )
                    )
                stream = io.BytesIO()
                pydicom.dcmwrite(stream, data, enforce_file_format=False)
                content = stream.getvalue()
            except Exception:  # what pydicom refuses to write
                return rng.choice(BYTES)(rng, content)
    return content


def dicom_lengths(rng: Random, content: bytes) -> bytes:
    """A length or a tag within the first elements replaced."""
    changed_bytes = bytearray(content)
    for _ in range(rng.choice((1, 2))):
        at = rng.randrange(128, min(len(content), 1200) - 4)
        changed_bytes[at : at + 4] = struct.pack(
            "<I", rng.choice((0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 10_000, 0xE000FFFE))
        )
    return bytes(changed_bytes)


def png_chunks(rng: Random, content: bytes) -> bytes:
    """PNG chunks changed, repeated or added, with right checksums; some unpack to very much."""
    if not content.startswith(b"\x89PNG"):
        return rng.choice(BYTES)(rng, content)
    chunks = list(_chunks(content))
    number = rng.randrange(len(chunks))
    kind, data = chunks[number]
    change = rng.randrange(5)
    if change == 0:
        chunks[number] = (kind, rng.choice(BYTES)(rng, data))
    elif change == 1:
        width, height = rng.choice(
            ((2**31 - 1, 2**31 - 1), (100_000, 900), (1, 9_000), (0, 0), (9_990, 9_990))
        )
        chunks[0] = (b"IHDR", struct.pack(">II", width, height) + chunks[0][1][8:])
    elif change == 2:
        chunks.insert(1, (rng.choice((b"zTXt", b"iCCP", b"iTXt")), b"x\x00\x00" + _BOMB))
    elif change == 3:
        chunks.insert(
            number,
            (
                rng.choice((b"PLTE", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"gAMA", kind)),
                rng.choice((data, b"", rng.randbytes(30))),
            ),
        )
    else:
        chunks[-2:-1] = [(b"IDAT", _BOMB)]
    return content[:8] + b"".join(_chunk(*chunk) for chunk in chunks)


ZIP: tuple[Mutation, ...] = (
    in_member,
    in_member,
    zip_entries,
    zip_entries,
    zip_fields,
    zip_fields,
    zip_fields,
    *BYTES,
)
TAR: tuple[Mutation, ...] = (tar_headers,) * 8 + BYTES
NPZ: tuple[Mutation, ...] = (npz_arrays,) * 8 + (in_member, zip_fields, zip_fields, *BYTES)
SAFETENSORS: tuple[Mutation, ...] = (safetensors_header,) * 4 + (safetensors_tensors,) * 6 + (pickled, *BYTES)
PICKLED: tuple[Mutation, ...] = (pickled, in_member, in_member, zip_fields, *BYTES)
PARQUET: tuple[Mutation, ...] = (parquet_table,) * 8 + BYTES
SQLITE: tuple[Mutation, ...] = (sqlite_rows,) * 10 + BYTES
DICOM: tuple[Mutation, ...] = (dicom_elements,) * 8 + (dicom_lengths,) * 4 + BYTES
IMAGE: tuple[Mutation, ...] = (png_chunks,) * 3 + BYTES
TABLE_OF_IMAGES: tuple[Mutation, ...] = (in_csv,) * 6 + BYTES


def _text_of(rng: Random, value: str) -> str:
    try:
        return to_json(rng, changed(rng, json.loads(value)), indent=None).decode("utf-8", "replace")
    except ValueError:
        return hostile_values.text(rng).encode("utf-8", "replace").decode()


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(rng: Random, members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _npy(array: Any) -> bytes:
    import numpy as np

    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def _npy_header(rng: Random, content: bytes) -> bytes:
    (size,) = struct.unpack("<H", content[8:10])
    header, data = content[10 : 10 + size].decode("latin-1"), content[10 + size :]
    replacements = (
        ("'shape': (", "'shape': (1000000000, "),
        ("'shape': (", "'shape': (-1, "),
        ("'shape': (", "'shape': (True, "),
        ("'shape': (", "'shape': (99999999999999999999, "),
        ("'shape': (", "'shape': ('a', "),
        ("'descr': '", "'descr': '|O"),
        ("'descr': '|u1'", "'descr': '|S0'"),
        ("'descr': '|u1'", "'descr': '<U1000000000'"),
        ("'descr': '|u1'", "'descr': [('a', '|u1')]"),
        ("'descr': '|u1'", "'descr': [[]]"),
        ("{", "[" * 200 + "{"),
        ("{", "__import__('os').system('touch fuzz-canary-ran') or {"),
        ("False", "None"),
        ("False", "True"),
        ("}", ""),
    )
    header = header.replace(*rng.choice(replacements), 1)
    version = rng.choice((1, 1, 1, 2, 3, 9))
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode("latin-1") + data


def _chunks(content: bytes) -> Any:
    at = 8
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        at += 12 + size


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _find_all(content: bytes, mark: bytes) -> list[int]:
    return [at for at in range(len(content)) if content.startswith(mark, at)]
