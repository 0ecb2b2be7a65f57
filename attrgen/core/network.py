"""Proxies and certificates of the environment: which variables to correct where they are wrong."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

SSL_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
REQUESTS_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # those of the package `requests`
_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def missing_certificates(*variables: str) -> list[str]:
    """Those variables that are set and name no file or folder."""
    return [name for name in variables if os.environ.get(name) and not Path(os.environ[name]).exists()]


def certificates_remedy(*variables: str) -> str:
    """What to do where certificates cannot be read; with the values of those variables that are set."""
    named = " and ".join(f"{name}={os.environ[name]}" for name in variables if os.environ.get(name))
    return f"Correct or unset {named}." if named else "Install the system's certificates."


def malformed_proxies() -> list[str]:
    """The variables whose value is no address of a proxy."""
    return [name for name in _set_proxies() if name.upper() != "NO_PROXY" and not _is_proxy(os.environ[name])]


def proxy_remedy() -> str:
    """What to do where a proxy cannot be used, without its value, which may hold a password."""
    named = ", ".join(malformed_proxies() or _set_proxies()) or "the proxy of the system"
    return f"Correct or unset {named}; a proxy is written as http://HOST:PORT."


def _set_proxies() -> list[str]:
    return [name for name in (*_PROXIES, *map(str.lower, _PROXIES)) if os.environ.get(name)]


def _is_proxy(value: str) -> bool:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
