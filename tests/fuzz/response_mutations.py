"""Damage to the response of a server: its body with the right length, its headers, its status."""

from __future__ import annotations

from random import Random

from tests.fuzz import hostile_values
from tests.fuzz.byte_mutations import BYTES, Mutation
from tests.fuzz.planting import one_line
from tests.fuzz.tree_mutations import deep_json, in_json

_END = b"\r\n\r\n"


def in_body(rng: Random, content: bytes) -> bytes:
    """The body changed: as JSON where it is, else its bytes; the length that the head states is right."""
    head, _, body = content.partition(_END)
    mutation = (
        rng.choice((in_json, in_json, in_json, deep_json)) if body[:1] in (b"{", b"[") else rng.choice(BYTES)
    )
    new = mutation(rng, body)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join((*lines, b"Content-Length: %d" % len(new))) + _END + new


def in_head(rng: Random, content: bytes) -> bytes:
    """Headers with other values, missing, twice or new ones."""
    head, _, body = content.partition(_END)
    lines = head.split(b"\r\n")
    for _ in range(rng.choice((1, 1, 2))):
        number = rng.randrange(1, len(lines)) if len(lines) > 1 else 0
        name = rng.choice((lines[number].partition(b": ")[0], *_NAMES))
        value = rng.choice((*_VALUES, one_line(hostile_values.text(rng)).encode("utf-8", "replace")))
        change = rng.randrange(4)
        if change == 0 and number:
            del lines[number]
        elif change == 1 and number:
            lines[number] = lines[number].partition(b": ")[0] + b": " + value
        else:
            lines.append(name + b": " + value)
    return b"\r\n".join(lines) + _END + body


def status(rng: Random, content: bytes) -> bytes:
    """Another status."""
    value = rng.choice(
        (100, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 408, 413, 416, 429, 500, 503, 999)
    )
    return content.replace(
        b" 200 OK", b" %d %s" % (value, one_line(hostile_values.text(rng)).encode("utf-8", "replace")), 1
    )


_NAMES = (
    *(b"Content-Length", b"Content-Encoding", b"Transfer-Encoding", b"Location", b"Retry-After", b"ETag"),
    *(b"X-Linked-Size", b"X-Linked-ETag", b"X-Error-Code", b"X-Error-Message", b"Link", b"Set-Cookie"),
    *(b"Content-Type", b"Content-Range", b"X-Xet-Hash", b"x-ratelimit-reset-requests"),
)
_VALUES = (
    *(b"", b"-1", b"0", b"1", b"99999999999", b"abc", b"gzip", b"br", b"zstd", b"chunked", b"1e400", b"nan"),
    *(
        b"http://127.0.0.1:9/x",
        b"/api/../..",
        b"file:///etc/passwd",
        b"//",
        b"bytes 5-1/3",
        b"text/html; charset=x",
    ),
    *(b'"../../x"', b"GatedRepo", b"RepoNotFound", b'<http://127.0.0.1:9/>; rel="next"', b"a" * 70_000),
)
RESPONSE: tuple[Mutation, ...] = (
    (in_body,) * 5 + (in_head,) * 3 + (status,) * 2 + (BYTES[0], BYTES[2], BYTES[4], BYTES[6])
)
