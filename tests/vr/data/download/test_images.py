"""Downloads from a local server that speaks the hub's file API, over a real socket."""

from __future__ import annotations

import errno
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
from huggingface_hub.utils import close_session
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card, CardClass, CardImages
from vr.data.download import hub as hub_files
from vr.data.download.images import download_images, terms
from vr.data.download.retry import retried
from vr.data.sources import open_source

CHUNK = 1000  # bytes that huggingface_hub writes at a time


@dataclass
class Hub:
    """A file behind /datasets/OWNER/REPO/resolve/main/FILE, handed over to a second address."""

    content: bytes
    cuts: int = 0  # how often the connection ends in the middle
    failures: int = 0  # how often the server answers `status` instead
    status: int = 503
    ranges: bool = True
    checksum: str | None = None
    describes: bool = True
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    tokens: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""
    storage: str = ""  # the second address, of another host

    def asked(self, method: str) -> list[str | None]:
        return [ranges for sent, path, ranges in self.requests if sent == method and path.startswith("/cdn")]


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
            hub.tokens.append((self.command, self.path, self.headers.get("Authorization")))
            if self.path == "/datasets/owner/repo/resolve/main/Toy.zip":
                self.send_response(302)
                if hub.describes:
                    checksum = hub.checksum or hashlib.sha256(hub.content).hexdigest()
                    self.send_header("X-Linked-ETag", f'"{checksum}"')
                    self.send_header("X-Linked-Size", str(len(hub.content)))
                self.send_header("Location", f"{hub.storage}/cdn/file")
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
                self.send_error(hub.status)
                return
            expected = self.headers.get("Range")
            start = int(expected.removeprefix("bytes=").rstrip("-")) if expected and hub.ranges else 0
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
    served.storage = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", served.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # also for people who work offline
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", CHUNK)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield served
    server.shutdown()
    server.server_close()


def refused(card: Card, root: Path) -> UserError:
    """The error with which a card's download ends."""
    with pytest.raises(UserError) as caught:
        download_images(card, root, pause=0)
    return caught.value


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_it_downloads_verifies_and_unpacks(hub: Hub, tmp_path: Path) -> None:
    said: list[str] = []
    folder = download_images(CARD, tmp_path, pause=0, say=said.append)
    assert folder == tmp_path / "Toy"
    assert names(tmp_path) == ["Toy"]
    assert sum(map(len, open_source(CARD, folder).splits.values())) == 8
    assert hub.url in said[0]
    said.clear()
    download_images(CARD, tmp_path, pause=0, say=said.append)
    assert said == [f"toy: already in {folder}"]
    assert len(hub.asked("GET")) == 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ValueError, "download-bad-answer"),
        (KeyError, "download-bad-answer"),
        (AttributeError, "download-bad-answer"),
        (ImportError, "download-proxy"),  # a SOCKS proxy without the package that it needs
    ],
)
def test_errors_of_the_libraries(kind: type[Exception], code: str, tmp_path: Path) -> None:
    def download() -> None:
        raise kind("Content-Length: abc")

    with pytest.raises(UserError) as caught:
        retried(download, "http://x.invalid/a.zip", tmp_path / "a.zip", pause=0)
    assert caught.value.code == code


@pytest.mark.parametrize("cuts", [1, 3, 8])
def test_a_cut_connection_is_continued_where_it_ended(cuts: int, hub: Hub, tmp_path: Path) -> None:
    hub.cuts = cuts
    download_images(CARD, tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]
    asked = hub.asked("GET")
    assert asked[0] is None
    assert asked[1] == f"bytes={len(hub.content) // 2 // CHUNK * CHUNK}-"
    assert len(asked) == cuts + 1


def test_a_server_without_ranges_starts_again(hub: Hub, tmp_path: Path) -> None:
    hub.cuts, hub.ranges = 1, False
    download_images(CARD, tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]


def test_what_a_killed_run_left_is_continued(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = hub_files.hub_url("datasets/owner/repo/Toy.zip")
    target = tmp_path / "x.zip"

    def killed(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("pooch.file_hash", killed)
        hub_files.download(url, target, pause=0)
    (left,) = tmp_path.iterdir()
    assert left != target
    left.write_bytes(hub.content[:777])
    hub_files.download(url, target, pause=0)
    assert hub.asked("GET")[-1] == "bytes=777-"
    assert names(tmp_path) == ["x.zip"]
    assert target.read_bytes() == hub.content


def test_parts_of_two_versions_are_not_joined(hub: Hub, tmp_path: Path) -> None:
    url, target = hub_files.hub_url("datasets/owner/repo/Toy.zip"), tmp_path / "x.zip"
    hub.failures, hub.status = 1, 404
    with pytest.raises(UserError):
        hub_files.download(url, target, pause=0)
    (left,) = tmp_path.iterdir()
    left.write_bytes(b"an older version")
    hub.content = hub.content[::-1]
    hub_files.download(url, target, pause=0)
    assert target.read_bytes() == hub.content


def test_a_wrong_checksum_is_refused_and_deleted(hub: Hub, tmp_path: Path) -> None:
    hub.checksum = hashlib.sha256(b"other").hexdigest()
    assert refused(CARD, tmp_path).code == "download-wrong-checksum"
    assert names(tmp_path) == []


def test_a_server_in_trouble_is_asked_again(hub: Hub, tmp_path: Path) -> None:
    hub.failures = 3
    download_images(CARD, tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]


@pytest.mark.parametrize("plain", [False, True])
def test_a_server_that_stays_in_trouble(plain: bool, hub: Hub, tmp_path: Path) -> None:
    hub.failures = 99
    error = refused(card(f"{hub.url}/cdn/file") if plain else CARD, tmp_path)
    assert error.code == "download-unreachable"
    assert str(tmp_path / "Toy.zip") in error.remedy
    assert len(hub.asked("GET")) == 5


@pytest.mark.parametrize("status", [401, 403])
def test_a_file_behind_a_login_names_the_token(status: int, hub: Hub, tmp_path: Path) -> None:
    hub.failures, hub.status = 1, status
    error = refused(CARD, tmp_path)
    assert error.code == "download-refused"
    assert "HF_TOKEN" in error.remedy
    assert len(hub.asked("GET")) == 1


def test_the_token_stays_with_the_hub(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    download_images(CARD, tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]
    sent = {(path, token) for _, path, token in hub.tokens}
    assert sent == {("/datasets/owner/repo/resolve/main/Toy.zip", "Bearer hf_secret"), ("/cdn/file", None)}


def test_offline_mode_is_named_at_once(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import OfflineModeIsEnabled

    calls = []

    def offline(url: str) -> None:
        calls.append(url)
        raise OfflineModeIsEnabled("offline mode")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", offline)
    assert refused(CARD, tmp_path).code == "download-offline"
    assert len(calls) == 1


def test_a_full_disk_is_no_network_error(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    assert refused(CARD, tmp_path).code == "download-cannot-write"


def test_a_repository_that_moved(hub: Hub, tmp_path: Path) -> None:
    download_images(card("hub:datasets/owner/moved/Toy.zip"), tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]


@pytest.mark.parametrize("cuts", [0, 2])
def test_a_plain_address(cuts: int, hub: Hub, tmp_path: Path) -> None:
    hub.cuts = cuts
    download_images(card(f"{hub.url}/cdn/file"), tmp_path, pause=0)
    assert names(tmp_path) == ["Toy"]
    assert len(hub.asked("GET")) == cuts + 1


def test_a_file_that_does_not_exist(hub: Hub, tmp_path: Path) -> None:
    for address in ("hub:datasets/owner/repo/Other.zip", f"{hub.url}/other"):
        error = refused(card(address), tmp_path)
        assert error.code == "download-refused"
        assert "404" in error.what
        assert names(tmp_path) == []


@pytest.mark.parametrize("hosted", ["plain", "hub"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "nonsense://me:hunter2@["),
        ("http_proxy", "http://me:hunter2@["),
        ("ALL_PROXY", "gopher://me:hunter2@localhost:1"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_at_once_without_its_value(
    name: str, value: str, hosted: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    close_session()  # it may know the proxies of an earlier test
    of_web = card(f"{hub.url}/cdn/file")
    said: list[str] = []
    with pytest.raises(UserError) as caught:
        download_images(of_web if hosted == "plain" else CARD, tmp_path, pause=30, say=said.append)
    assert caught.value.code == "download-proxy" and name in str(caught.value)
    assert "hunter2" not in f"{caught.value}{said}"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("REQUESTS_CA_BUNDLE", "https://127.0.0.1:9/x.zip"),
        ("SSL_CERT_FILE", "hub:datasets/owner/toy/Toy.zip"),
    ],
)
def test_certificates_that_are_not_there_are_told_at_once(
    name: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://127.0.0.1:9")
    monkeypatch.setenv(name, "/nonexistent.pem")
    close_session()
    with pytest.raises(UserError) as caught:
        download_images(card(address), tmp_path, pause=30)
    assert caught.value.code == "download-certificates"
    assert f"{name}=/nonexistent.pem" in str(caught.value)


def test_further_attempts_are_announced(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(UserError):
        download_images(card("http://127.0.0.1:9/x.zip"), tmp_path, pause=0, say=said.append)
    assert [line.split(": ")[1].split(" in ")[0] for line in said[1:]] == [
        f"attempt {number} of 5" for number in (2, 3, 4, 5)
    ]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("hub:Toy.zip", "download-bad-address"),
        ("file:///etc/passwd", "download-bad-address"),
        ("torchvision:Nothing", "download-unknown-torchvision-dataset"),
        ("http://127.0.0.1:9/x.zip", "download-unreachable"),
    ],
)
def test_a_bad_address(address: str, code: str, tmp_path: Path) -> None:
    assert refused(card(address), tmp_path).code == code
    assert names(tmp_path) == []


def test_no_address(tmp_path: Path) -> None:
    error = refused(CARD.model_copy(update={"images": CardImages(folder="Toy")}), tmp_path)
    assert error.code == "download-no-address"
    assert str(tmp_path / "Toy") in error.remedy


def test_a_hostile_archive_is_not_unpacked(hub: Hub, tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../evil.png", b"x")
    hub.content = stream.getvalue()
    assert refused(CARD, tmp_path / "root").code == "unpack-unsafe"
    assert names(tmp_path / "root") == ["Toy.zip"]
    assert names(tmp_path) == ["root"]


def test_an_archive_put_there_by_hand_is_used(tmp_path: Path) -> None:
    (tmp_path / "Toy.zip").write_bytes(toy_zip())
    download_images(CARD, tmp_path)
    assert names(tmp_path) == ["Toy"]


def test_the_terms_name_the_licence() -> None:
    assert terms(CARD)[:4] == [
        "Toy (toy)",
        "  licence: CC BY 4.0",
        "  source: nowhere",
        "  cite: Nobody. Nothing. 2026.",
    ]
