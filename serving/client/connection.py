"""Where the server is, and who asks."""

import os
from collections.abc import Generator
from importlib.metadata import version
from typing import Any, Final

import httpx

from features.errors import InputError

HERE: Final = "http://127.0.0.1:8000"
KEY: Final = "NEXTBEST_KEY"


class _Bearer(httpx.Auth):
    """Sends the key; no repr shows it, and no netrc stands above it."""

    def __init__(self, key: str) -> None:
        self._header = f"Bearer {key}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._header
        yield request


def options(base_url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """What httpx has to know. InputError for a URL or a key that cannot be used, neither of which it shows."""
    return {
        "base_url": _url(base_url),
        "auth": _auth(os.environ.get(KEY, "") if key is None else key),
        "timeout": httpx.Timeout(timeout, connect=min(timeout, 5.0)),
        "headers": {"User-Agent": f"nextbest-client/{version('nextbest')}", "Accept": "application/json"},
    }


def shown(url: httpx.URL) -> str:
    """The URL without a password in it."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None)).rstrip("/")


def _url(given: str) -> httpx.URL:
    try:
        url = httpx.URL(given)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError("The base URL is none of http.", remedy=f"Give one like {HERE}.")
    return url


def _auth(key: str) -> _Bearer | None:
    key = key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InputError("The key is none that a header can hold.", remedy=f"Give it as nextbest key create showed it, or set {KEY}.")
    return _Bearer(key) if key else None
