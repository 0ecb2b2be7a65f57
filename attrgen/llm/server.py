"""Where requests go, and the secrets that must never be shown."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote, urlsplit

from attrgen.core.errors import UserError

OPENAI = "https://api.openai.com/v1"
_LONG_SECRET = 8  # characters; a shorter key may be an ordinary word, so only whole words are replaced
_SHOWN_QUERY = ("api-version",)
_AZURE = (".azure.com", ".azure.us", ".azure.cn")


@dataclass(frozen=True)
class Server:
    """Where requests go. The key comes from the environment and is never shown, logged or stored.

    Raises:
        UserError: the base URL is no http address, or the key has characters that no header can carry.
    """

    base_url: str | None
    key: str | None = field(repr=False)

    def __post_init__(self) -> None:
        key = (self.key or "").strip()  # a key read from a file often ends in a line break
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UserError(
                "the API key has a space, a line break or a character that is not ASCII",
                code="server-invalid-key",
                remedy="Set OPENAI_API_KEY to the key alone.",
            )
        object.__setattr__(self, "key", key or None)
        object.__setattr__(self, "base_url", (self.base_url or "").strip() or None)
        if self.base_url is not None and not re.match(r"https?://[^/]", self.base_url):
            rest = self.base_url.rpartition("@")[2].partition("?")[0].partition("://")
            address = rest[2] or rest[0]
            raise UserError(
                f"the base URL '{address}' does not begin with http:// or https://",
                code="server-invalid-url",
                remedy=f"Write --base-url http://{address}, or https:// for a server on the internet.",
            )
        try:
            valid = self.address.isprintable() and bool(urlsplit(self.address).hostname)
            valid = valid and urlsplit(self.address).port != 0
        except ValueError:
            valid = False
        if not valid:
            raise UserError(
                f"the base URL '{self.address}' has no valid host and port",
                code="server-invalid-url",
                remedy="Write for instance --base-url http://localhost:8000/v1.",
            )

    @classmethod
    def from_environment(cls, base_url: str | None) -> Server | None:
        """The server at `base_url` (else OPENAI_BASE_URL, else OpenAI), or None with neither URL nor key."""
        server = cls(
            base_url or os.environ.get("OPENAI_BASE_URL") or None, os.environ.get("OPENAI_API_KEY") or None
        )
        return server if server.base_url or server.key else None

    def __repr__(self) -> str:
        return f"Server({self.shown!r})"

    @cached_property
    def address(self) -> str:
        """Its base URL without credentials, query and the path of chat completions."""
        scheme, _, location = self._url.partition("://")
        return f"{scheme}://{location.rstrip('/').removesuffix('/chat/completions')}"

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query of its base URL, such as Azure's api-version."""
        return dict(parse_qsl(urlsplit(self.base_url or OPENAI).query))

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of authentication beside the usual one."""
        if self.key and (urlsplit(self.address).hostname or "").endswith(_AZURE):
            return {"api-key": self.key}
        if not self.key and self._credentials:
            words = base64.b64encode(unquote(self._credentials).encode()).decode()
            return {"Authorization": f"Basic {words}"}
        return {}

    @cached_property
    def shown(self) -> str:
        """Its address for messages, without user name, password, and query but for the version."""
        version = "&".join(
            f"{name}={value}" for name, value in self.query.items() if name.lower() in _SHOWN_QUERY
        )
        return self.scrub(f"{self.address}?{version}" if version else self.address)

    @cached_property
    def public(self) -> str:
        """Its address for files that are shared: machines that are not on the internet are not named."""
        host = urlsplit(self.address).hostname or ""
        try:
            private = not ipaddress.ip_address(host).is_global
        except ValueError:
            private = "." not in host or host.endswith((".local", ".internal", ".lan", ".localhost"))
        return "local" if private else self.shown

    @cached_property
    def id(self) -> str:
        """12 hexadecimal digits that tell its address from others."""
        return hashlib.sha256(self.shown.encode()).hexdigest()[:12]

    def scrub(self, text: str) -> str:
        """`text` without key, password and secrets in the query."""
        for secret in self._secrets():
            pattern = re.escape(secret)
            if len(secret) < _LONG_SECRET:
                pattern = rf"(?<![\w-]){pattern}(?![\w-])"
            text = re.sub(pattern, "***", text)
        return text

    def scrub_answer(self, text: str) -> str:
        """A model's words without the secrets; a short secret that is a plain word is left in prose."""
        if self.key and len(self.key) < _LONG_SECRET and self.key.isalpha():
            return text
        return self.scrub(text)

    def _secrets(self) -> list[str]:
        query = [value for name, value in self.query.items() if name.lower() not in _SHOWN_QUERY]
        password = self._credentials.partition(":")[2]
        secrets = [self.key, self._credentials, password, unquote(password), *query]
        return sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    @cached_property
    def _url(self) -> str:
        """The base URL without query and credentials."""
        scheme, _, rest = (self.base_url or OPENAI).partition("?")[0].partition("://")
        return f"{scheme}://{rest[len(self._credentials) :].removeprefix('@')}"

    @cached_property
    def _credentials(self) -> str:
        """What stands before the host: user name, colon and password."""
        rest = (self.base_url or OPENAI).partition("?")[0].partition("://")[2]
        host = rest.partition("/")[0]
        # A password with a slash in it should be escaped, but often is not.
        return (rest if ":" in host and "@" not in host else host).rpartition("@")[0]
