"""Addresses and secrets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.llm import prompts
from attrgen.llm.server import Server
from attrgen.llm.transport import Transport

SECRET = "sk-very-secret-0123456789"


@pytest.mark.parametrize("key", [f"{SECRET}\n", f"{SECRET}\r\n", f" {SECRET}", f"{SECRET}\t"])
def test_white_space_around_a_key_is_dropped(key: str) -> None:
    assert Server(None, key).key == SECRET


@pytest.mark.parametrize("key", ["sk-a\r\nX-Evil: 1", "sk a", "sk-é", "sk-\x00"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key: str) -> None:
    with pytest.raises(UserError) as caught:
        Server(None, key)
    assert caught.value.code == "server-invalid-key" and key not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("user:hunter22@host:8000/v1", "http://host:8000/v1"),
        ("localhost:8000/v1", "http://localhost:8000/v1"),
        ("ftp://user:hunter22@host/v1", "http://host/v1"),
        ("host/v1?key=hunter22", "http://host/v1"),
    ],
)
def test_an_address_without_its_scheme_is_refused_without_the_password(url: str, address: str) -> None:
    with pytest.raises(UserError) as caught:
        Server(url, None)
    assert caught.value.code == "server-invalid-url" and address in caught.value.remedy
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown", "public"),
    [
        (None, "https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("http://user:hunter22@127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1", "local"),
        ("http://user:hun/ter22@gpu-box:8000/v1", "http://gpu-box:8000/v1", "local"),
        ("https://h.example.com/v1?key=hunter22", "https://h.example.com/v1", "https://h.example.com/v1"),
        ("https://h.example.com/v1/chat/completions", "https://h.example.com/v1", "https://h.example.com/v1"),
        (
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21&k=hunter22",
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
        ),
        ("http://192.168.1.7:11434/v1", "http://192.168.1.7:11434/v1", "local"),
        ("http://node7.internal/v1", "http://node7.internal/v1", "local"),
    ],
)
def test_addresses(url: str | None, shown: str, public: str) -> None:
    server = Server(url, SECRET)
    assert server.shown == shown and server.public == public
    assert SECRET not in repr(server) and "hunter22" not in repr(server) and "ter22" not in repr(server)


def test_query_and_headers() -> None:
    azure = Server("https://x.openai.azure.com/openai/v1?api-version=1", SECRET)
    assert azure.query == {"api-version": "1"} and azure.headers == {"api-key": SECRET}
    assert Server("http://user:pw@h/v1", None).headers == {"Authorization": "Basic dXNlcjpwdw=="}
    assert Server("http://h/v1", SECRET).headers == {}


def test_servers_are_told_apart_by_their_address_alone() -> None:
    one = Server("http://user:pw@h/v1", SECRET)
    assert one.id == Server("http://h/v1/", None).id
    assert one.id != Server("http://h:8000/v1", None).id != Server("https://h/v1", None).id


def test_scrubbing() -> None:
    server = Server("http://user:hunter22@h/v1?token=tok-987654", SECRET)
    text = f"key {SECRET} of user hunter22 with tok-987654"
    assert server.scrub(text) == "key *** of user *** with ***"


def test_a_short_key_is_replaced_as_a_word_only() -> None:
    server = Server("http://h/v1", "cyst")
    assert server.scrub("key cyst rejected: cystic cysts") == "key *** rejected: cystic cysts"
    assert server.scrub_answer("a dark cyst") == "a dark cyst"
    assert Server("http://h/v1", "k3y").scrub_answer("k3y and k3yboard") == "*** and k3yboard"
    assert Server("http://h/v1", None).scrub("nothing") == "nothing"


def test_from_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Server.from_environment(None) is None
    monkeypatch.setenv("OPENAI_API_KEY", " \n")
    assert Server.from_environment(None) is None
    monkeypatch.setenv("OPENAI_API_KEY", f"{SECRET}\r\n")
    server = Server.from_environment(None)
    assert server is not None and server.key == SECRET and server.base_url is None


@pytest.mark.parametrize(
    "url", ["http://h/\udcff", "http://h\x01/v1", "http://x:99999/v1", "http://[::1/v1", "http://h\x1b[2J/v1"]
)
def test_an_address_that_no_request_can_have_is_refused(url: str) -> None:
    with pytest.raises(UserError) as caught:
        Server(url, None)
    assert caught.value.code == "server-invalid-url"


class TestEnvironment:
    """What cannot be used in the environment is named, without the values of secrets."""

    def _error(self, url: str = "http://localhost:1/v1") -> UserError:
        async def send() -> None:
            await Transport(Server(url, None), prompts.load(), 5.0).models()

        with pytest.raises(UserError) as caught:
            asyncio.run(send())
        return caught.value

    def test_a_missing_certificate_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        error = self._error("https://localhost:1/v1")
        assert error.code == "server-certificates" and "none.pem" in error.remedy

    @pytest.mark.parametrize("proxy", ["socks9://me:hunter22@h:1", "http://me:hunter22@[::1"])
    def test_a_proxy_that_is_none(self, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
        monkeypatch.setenv("ALL_PROXY", proxy)
        error = self._error()
        assert error.code == "server-proxy" and "ALL_PROXY" in error.remedy
        assert "hunter22" not in str(error)
