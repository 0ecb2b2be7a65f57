"""Downloads from a small server that speaks the hub's file API, with its tricks, over a real socket."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card, CardClass, CardImages
from vr.data.download import download
from vr.data.download.get import get, terms
from vr.data.sources import open_source


@dataclass
class Hub:
    """A file behind /datasets/OWNER/REPO/resolve/main/FILE, handed over to a second address."""

    content: bytes
    cuts: int = 0  # so many times the connection ends in the middle
    failures: int = 0  # so many times the server is in trouble
    ranges: bool = True
    checksum: str | None = None
    describes: bool = True
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""

    def asked(self, method: str) -> list[str | None]:
        return [ranges for each, path, ranges in self.requests if each == method and path.startswith("/cdn")]


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            hub.requests.append((self.command, self.path, self.headers.get("Range")))
            if self.path == "/datasets/owner/repo/resolve/main/Toy.zip":
                self.send_response(302)
                if hub.describes:
                    checksum = hub.checksum or hashlib.sha256(hub.content).hexdigest()
                    self.send_header("X-Linked-ETag", f'"{checksum}"')
                    self.send_header("X-Linked-Size", str(len(hub.content)))
                self.send_header("Location", f"{hub.url}/cdn/file")
                self.end_headers()
            elif self.path == "/datasets/owner/moved/resolve/main/Toy.zip":
                self.send_response(307)
                self.send_header("Location", "/datasets/owner/repo/resolve/main/Toy.zip")
                self.end_headers()
            elif self.path == "/cdn/file":
                self.file(with_body)
            else:
                self.send_error(404, "no such thing")

        def file(self, with_body: bool) -> None:
            if hub.failures:
                hub.failures -= 1
                self.send_error(503)
                return
            wanted = self.headers.get("Range")
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and hub.ranges else 0
            body = hub.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(hub.content) - 1}/{len(hub.content)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                if hub.cuts:
                    hub.cuts -= 1
                    body = body[: len(body) // 2]
                self.wfile.write(body)

    return Handler


def toy_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(8):
            content = io.BytesIO()
            values = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(values).save(content, format="PNG")
            archive.writestr(f"Toy/{'spot' if number % 2 else 'ring'}/{number}.png", content.getvalue())
    return stream.getvalue()


CARD = Card(
    name="toy",
    title="Toy",
    modality="CT",
    shows="a toy",
    licence="CC BY 4.0",
    source="nowhere",
    citation="Nobody. Nothing. 2026.",
    images=CardImages(folder="Toy", download="hub:datasets/owner/repo/Toy.zip"),
    classes=(CardClass(name="spot", folder="spot"), CardClass(name="ring", folder="ring")),
)


def card(place: str) -> Card:
    assert CARD.images is not None
    return CARD.model_copy(update={"images": CARD.images.model_copy(update={"download": place})})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub(toy_zip())
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(served))
    served.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", served.url)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield served
    server.shutdown()
    server.server_close()


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_it_downloads_verifies_and_unpacks(hub: Hub, tmp_path: Path) -> None:
    said: list[str] = []
    there: list[tuple[int, int | None]] = []
    folder = get(
        CARD, tmp_path, pause=0, say=said.append, progress=lambda now, whole: there.append((now, whole))
    )
    assert folder == tmp_path / "Toy"
    assert names(tmp_path) == ["Toy"]
    assert sum(map(len, open_source(CARD, folder).splits.values())) == 8
    assert there[-1] == (len(hub.content), len(hub.content))
    assert hub.url in said[0]
    said.clear()
    get(CARD, tmp_path, pause=0, say=said.append)
    assert said == [f"toy: already in {folder}"]
    assert len(hub.asked("GET")) == 1


@pytest.mark.parametrize("cuts", [1, 3, 8])
def test_a_cut_connection_is_taken_up_where_it_ended(cuts: int, hub: Hub, tmp_path: Path) -> None:
    hub.cuts = cuts
    get(CARD, tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]
    asked = hub.asked("GET")
    assert asked[0] is None
    assert asked[1] == f"bytes={len(hub.content) // 2}-"
    assert len(asked) == cuts + 1


def test_a_server_without_ranges_starts_again(hub: Hub, tmp_path: Path) -> None:
    hub.cuts, hub.ranges = 1, False
    get(CARD, tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]


def test_what_a_killed_run_left_is_taken_up(hub: Hub, tmp_path: Path) -> None:
    remote = download.look(download.hub_url("datasets/owner/repo/Toy.zip"), pause=0)
    assert remote.size == len(hub.content)
    assert remote.sha256 == hashlib.sha256(hub.content).hexdigest()
    hub.cuts = 1
    download.fetch(remote, tmp_path / "x.zip", pause=0)
    (tmp_path / "x.zip").unlink()

    def killed(there: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch(remote, tmp_path / "x.zip", pause=0, progress=killed)
    (left,) = tmp_path.iterdir()
    left.write_bytes(hub.content[:777])
    download.fetch(remote, tmp_path / "x.zip", pause=0)
    assert hub.asked("GET")[-1] == "bytes=777-"
    assert names(tmp_path) == ["x.zip"]
    assert (tmp_path / "x.zip").read_bytes() == hub.content


def test_a_wrong_checksum_is_refused_and_nothing_stays(hub: Hub, tmp_path: Path) -> None:
    hub.checksum = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(
        UserError, match=r"is not the file that was announced: its SHA-256 is .* It was deleted"
    ):
        get(CARD, tmp_path, pause=0)
    assert names(tmp_path) == []


def test_a_server_in_trouble_is_asked_again(hub: Hub, tmp_path: Path) -> None:
    hub.failures = 3
    get(CARD, tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]


def test_a_server_that_stays_in_trouble(hub: Hub, tmp_path: Path) -> None:
    hub.failures = 99
    with pytest.raises(UserError, match=r"cannot be reached .*Or download it by hand to .*Toy.zip"):
        get(CARD, tmp_path, pause=0)
    assert len(hub.asked("GET")) == 5


def test_a_repository_that_moved(hub: Hub, tmp_path: Path) -> None:
    get(card("hub:datasets/owner/moved/Toy.zip"), tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]


def test_a_plain_address(hub: Hub, tmp_path: Path) -> None:
    get(card(f"{hub.url}/cdn/file"), tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]


def test_a_file_that_is_not_there(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Other.zip answers 404 no such thing\. Check the name"):
        get(card("hub:datasets/owner/repo/Other.zip"), tmp_path, pause=0)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("hub:Toy.zip", "'Toy.zip' is no file on the hub"),
        ("file:///etc/passwd", "is no http address"),
        ("torchvision:Nothing", "torchvision's 'Nothing' is not known here. Known: Caltech101"),
        ("http://127.0.0.1:9/x.zip", "cannot be reached"),
    ],
)
def test_a_bad_address(place: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        get(card(place), tmp_path, pause=0)
    assert names(tmp_path) == []


def test_no_address(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not say where its images come from\. Put them in .*Toy"):
        get(CARD.model_copy(update={"images": CardImages(folder="Toy")}), tmp_path)


def test_an_evil_archive_is_not_unpacked(hub: Hub, tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../evil.png", b"x")
    hub.content = stream.getvalue()
    with pytest.raises(UserError, match=r"'../evil.png', which leads outside"):
        get(CARD, tmp_path / "root", pause=0)
    assert names(tmp_path / "root") == ["Toy.zip"]
    assert names(tmp_path) == ["root"]


def test_an_archive_put_there_by_hand_is_used(tmp_path: Path) -> None:
    (tmp_path / "Toy.zip").write_bytes(toy_zip())
    get(CARD, tmp_path)
    assert names(tmp_path) == ["Toy"]


def test_the_terms_name_the_licence() -> None:
    assert terms(CARD)[:4] == [
        "Toy (toy)",
        "  licence: CC BY 4.0",
        "  source: nowhere",
        "  cite: Nobody. Nothing. 2026.",
    ]
