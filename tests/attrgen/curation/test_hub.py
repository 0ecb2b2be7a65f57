"""Push and pull against a small server that speaks the hub's API, with the real client over a real socket."""

from __future__ import annotations

import base64
import builtins
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

Attrgen = Callable[..., Any]
TOKEN = "hf_" + "veryVerySecretToken0123456789abcd"
ZOO = AttributeSet(dataset="zoo", classes={"ant": ClassAttributes(descriptive=["six thin legs", "größe"])})
REPO = "me/sets"


@dataclass
class Hub:
    """Dataset repositories by name: their files by path. `refuses` answers everything with that status,
    and `listing` is what it says instead of the list of files."""

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    listing: object = None
    refuses: int | None = None
    messages: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    private: list[bool] = field(default_factory=list)


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.file()

        def do_GET(self) -> None:
            self.tree() if self.path.startswith("/api/") else self.file()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.refused():
                return
            if self.path == "/api/repos/create":
                asked = json.loads(body)
                owner = f"{asked['organization']}/" if asked.get("organization") else ""
                name = f"{owner}{asked['name']}"
                status = 409 if name in hub.repos else 200
                if status == 200:  # it is there before the answer is, for the client asks for it at once
                    hub.repos[name] = {}
                    hub.private.append(bool(asked.get("private") or asked.get("visibility") == "private"))
                self.answer(status, {"url": f"https://huggingface.co/datasets/{name}"})
            elif self.path == "/api/validate-yaml":
                self.answer(200, {"warnings": [], "errors": []})
            elif "/preupload/" in self.path:
                how = {"uploadMode": "regular", "shouldIgnore": False}
                self.answer(200, {"files": [{"path": f["path"], **how} for f in json.loads(body)["files"]]})
            elif "/commit/" in self.path:
                for line in body.decode().splitlines():
                    item = json.loads(line)
                    if item["key"] == "file":
                        content = base64.b64decode(item["value"]["content"])
                        hub.repos[self.repo()][item["value"]["path"]] = content
                    else:
                        hub.messages.append(item["value"]["summary"])
                self.answer(
                    200,
                    {
                        "commitUrl": f"https://huggingface.co/datasets/{self.repo()}/commit/1",
                        "commitOid": "1",
                    },
                )

        def repo(self) -> str:
            parts = urlsplit(self.path).path.split("/")
            return "/".join(parts[parts.index("datasets") + 1 :][:2])

        def refused(self) -> bool:
            authorization = self.headers.get("authorization")
            hub.tokens.add(authorization)
            if hub.refuses is not None:
                self.answer(hub.refuses, {"error": f"no entry for {authorization}"})
            return hub.refuses is not None

        def tree(self) -> None:
            if self.refused():
                return
            files = hub.repos.get(self.repo()) if "/datasets/" in self.path else None
            if files is None:
                self.answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
                return
            rows = [{"type": "file", "path": p, "size": len(c), "oid": "0" * 40} for p, c in files.items()]
            self.answer(200, rows if hub.listing is None else hub.listing)

        def file(self) -> None:
            if self.refused():
                return
            content = hub.repos[self.repo()][urlsplit(self.path).path.split("/resolve/main/")[1]]
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", "1" * 40)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def answer(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            for name, text in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(served))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    # Whoever works offline has the hub's client offline; this server is on the machine itself. The client
    # reads the variable once, when it is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    path = tmp_path / "mine.json"
    attribute_set.save(ZOO, path)
    return path


def test_push_and_pull(attrgen: Attrgen, hub: Hub, zoo: Path, tmp_path: Path) -> None:
    ran = attrgen("push", zoo, REPO, "--message", "First words", "--private")
    assert ran.status == 0, ran.err
    assert ran.out == f"https://huggingface.co/datasets/{REPO}/commit/1: id {ZOO.id}.\n"
    files = hub.repos[REPO]
    assert files["zoo.json"] == zoo.read_bytes() and files["zoo.id"].decode().strip() == ZOO.id
    assert "attrgen pull me/sets" in files["README.md"].decode()
    assert hub.messages == ["First words"] and hub.private == [True] and f"Bearer {TOKEN}" in hub.tokens
    ran = attrgen("pull", REPO)
    assert ran.status == 0, ran.err
    assert "verified" in ran.out and ZOO.id in ran.out
    assert (tmp_path / "attrs" / "zoo.json").read_bytes() == zoo.read_bytes()


def test_a_second_push_leaves_the_readme_and_the_other_sets(attrgen: Attrgen, hub: Hub, zoo: Path) -> None:
    hub.repos[REPO] = {"README.md": b"mine", "other.json": b"{}"}
    assert attrgen("push", zoo, REPO).status == 0
    assert hub.repos[REPO]["README.md"] == b"mine" and hub.repos[REPO]["other.json"] == b"{}"
    assert hub.messages == [f"zoo: attribute set {ZOO.id[:12]}"]
    assert attrgen("pull", REPO).status == 0  # the one that has an id is meant


def test_a_set_that_was_changed_is_refused(attrgen: Attrgen, hub: Hub, zoo: Path, tmp_path: Path) -> None:
    attrgen("push", zoo, REPO)
    hub.repos[REPO]["zoo.json"] = zoo.read_bytes().replace(b"six", b"ten")
    ran = attrgen("pull", REPO)
    assert ran.status == 2 and ran.code == "hub-other-id" and ZOO.id in ran.err
    changed = attribute_set.AttributeSet.model_validate_json(hub.repos[REPO]["zoo.json"])
    hub.repos[REPO]["zoo.id"] = changed.id.encode()  # whoever changes the set may change the id beside it
    ran = attrgen("pull", REPO, "--id", ZOO.id[:12])
    assert ran.status == 2 and ran.code == "hub-other-id"
    assert not (tmp_path / "attrs").exists()
    assert attrgen("pull", REPO, "--id", changed.id[:12]).status == 0


@pytest.mark.parametrize("listing", [[{}], [3], {"a": 1}, "x", [{"type": "file", "path": 3}], [[]], {}])
def test_a_list_of_files_of_another_form(
    attrgen: Attrgen, hub: Hub, zoo: Path, tmp_path: Path, listing: object
) -> None:
    hub.repos[REPO] = {"zoo.json": zoo.read_bytes()}
    hub.listing = listing
    ran = attrgen("pull", REPO)
    assert ran.status == 2 and ran.code in ("hub-bad-answer", "hub-which-set"), ran.err
    assert not (tmp_path / "attrs").exists()


@pytest.mark.parametrize("stated", [b"", b"not an id", b"\xff", b"abc"])
def test_a_stated_id_that_is_none(
    attrgen: Attrgen, hub: Hub, zoo: Path, tmp_path: Path, stated: bytes
) -> None:
    hub.repos[REPO] = {"zoo.json": zoo.read_bytes(), "zoo.id": stated}
    assert attrgen("pull", REPO).status == 2 and not (tmp_path / "attrs").exists()


def test_without_an_id_that_is_said(attrgen: Attrgen, hub: Hub, zoo: Path) -> None:
    hub.repos[REPO] = {"zoo.json": zoo.read_bytes()}
    ran = attrgen("pull", REPO)
    assert ran.status == 0 and "NOT verified" in ran.out


def test_a_file_that_is_no_set(attrgen: Attrgen, hub: Hub) -> None:
    hub.repos[REPO] = {"zoo.json": b'{"format":\n 3}'}
    ran = attrgen("pull", REPO)
    assert ran.status == 2 and f"{REPO}/zoo.json:1: format" in ran.err


def test_which_set(attrgen: Attrgen, hub: Hub, zoo: Path) -> None:
    hub.repos[REPO] = {"zoo.json": zoo.read_bytes(), "farm.json": b"{}", "old/zoo.json": b"{}"}
    ran = attrgen("pull", REPO)
    assert ran.status == 2 and ran.code == "hub-which-set" and "farm, zoo" in ran.err
    ran = attrgen("pull", REPO, "--dataset", "zo")
    assert ran.status == 2 and ran.code == "hub-no-set" and "'zoo'" in ran.err
    assert attrgen("pull", REPO, "--dataset", "zoo").status == 0
    hub.repos[REPO] = {}
    assert attrgen("pull", REPO).code == "hub-which-set"


def test_nothing_is_overwritten_unasked(attrgen: Attrgen, hub: Hub, zoo: Path, tmp_path: Path) -> None:
    attrgen("push", zoo, REPO)
    mine = tmp_path / "attrs" / "zoo.json"
    mine.parent.mkdir()
    mine.write_text("my own")
    ran = attrgen("pull", REPO)
    assert ran.status == 2 and "is there already" in ran.err and mine.read_text() == "my own"
    assert attrgen("pull", REPO, "--force").status == 0 and mine.read_bytes() == zoo.read_bytes()


@pytest.mark.parametrize(
    ("status", "message"), [(401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "--revision"), (418, "Try again")]
)
def test_refusals_never_show_the_token(
    attrgen: Attrgen, hub: Hub, zoo: Path, status: int, message: str
) -> None:
    hub.refuses = status
    for words in (("push", zoo, REPO), ("pull", REPO)):
        ran = attrgen(*words)
        assert ran.status == 2 and message in ran.err and str(status) in ran.err
        assert TOKEN not in ran.out + ran.err and "Traceback" not in ran.err
    assert f"Bearer {TOKEN}" in hub.tokens


def test_no_such_repository(attrgen: Attrgen, hub: Hub) -> None:
    ran = attrgen("pull", "me/nothing")
    assert ran.status == 2 and ran.code == "hub-status-404" and "me/nothing" in ran.err


@pytest.mark.parametrize(
    ("repo", "more", "code"),
    [("a/b/c", (), "hub-repository-name"), (REPO, ("--id", "zz"), "hub-not-an-id")],
)
def test_bad_input(attrgen: Attrgen, hub: Hub, repo: str, more: tuple[str, ...], code: str) -> None:
    ran = attrgen("pull", repo, *more)
    assert ran.status == 2 and ran.code == code


def test_no_network(attrgen: Attrgen, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client tries again, patiently
    ran = attrgen("pull", REPO)
    assert ran.status == 2 and ran.code == "hub-unreachable" and "127.0.0.1:9" in ran.err


def test_the_extra_is_named_where_it_is_missing(
    attrgen: Attrgen, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "huggingface_hub":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    for words in (("push", zoo, REPO), ("pull", REPO)):
        ran = attrgen(*words)
        assert ran.status == 2 and "pip install 'biomedvr[hub]'" in ran.err
