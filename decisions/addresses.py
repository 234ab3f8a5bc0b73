"""Addresses that may stand in a message: web addresses and the shop's own paths, and nothing that a browser would run."""

import re
from typing import Final
from urllib.parse import quote

from decisions.actions import Shop

_SAFE: Final = re.compile(r"(https?://|/(?!/))[^\s<>\"'\\\x00-\x1f\x7f-\x9f]*", re.IGNORECASE)
_WEB: Final = re.compile(r"https?://[^\s<>\"'\\/\x00-\x1f\x7f-\x9f][^\s<>\"'\\\x00-\x1f\x7f-\x9f]*", re.IGNORECASE)


def is_safe(url: str) -> bool:
    """Whether it is a web address or a path; false for javascript:, data:, //elsewhere, quotes, an empty text."""
    return _SAFE.fullmatch(url) is not None


def is_web(url: str) -> bool:
    """Whether it is an http or https address with a host."""
    return _WEB.fullmatch(url) is not None


def product_address(product_id: str, url: str, shop: Shop) -> str:
    """Where the product is: its own address if that is a web address, else by the shop's pattern, else below the shop; empty without any.

    The id is percent-encoded, so that whatever it is, the address stays within the shop.
    """
    if url and is_web(url):
        return url
    encoded = quote(product_id, safe="")
    if shop.product_url:
        return shop.product_url.replace("{product_id}", encoded)
    return f"{shop.url.rstrip('/')}/products/{encoded}" if shop.url and encoded else ""


def absolute(url: str, shop: Shop) -> str:
    """The address with the shop's own before it if it is a path; empty if it is none that may stand in a message."""
    if not is_safe(url):
        return ""
    return f"{shop.url.rstrip('/')}{url}" if url.startswith("/") and shop.url else url
