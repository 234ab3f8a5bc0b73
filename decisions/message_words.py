"""What templates may name, and what it is filled with, made only as far as a template names it."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from markupsafe import Markup, escape

from decisions import locales
from decisions.actions import Offer, Sender, Shop
from decisions.addresses import absolute, is_safe, product_address
from decisions.situation import Product

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "customer": frozenset({"name", "given_name", "city"}),
    "products": frozenset(),
    "product_list": frozenset(),
    "offer": frozenset({"discount", "free_shipping", "code", "until"}),
    "sender": frozenset({"name", "title", "photo_url"}),
    "signature": frozenset(),
    "shop": frozenset({"name", "url"}),
    "money": frozenset(),
}
"""The names, and the fields of those whose fields are all known. A product has name, url, price, reason and image_url."""
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def one_line(text: str) -> str:
    """The text without line breaks, control signs and signs that turn the direction of what follows."""
    return " ".join((text if text.isprintable() else _BREAKS.sub(" ", text)).split())


def inert(text: str) -> str:
    """The text in one line without angle brackets."""
    return one_line(text.replace("<", "").replace(">", ""))


@dataclass(slots=True)  # not frozen: freezing costs more than filling, and one is made for every text
class Words:
    """Fills the names of one template. In HTML, whatever is put in is escaped by the template; elsewhere it comes here without angle brackets."""

    profile: Mapping[str, object]
    as_of: datetime
    listed: Sequence[Product]
    shop_is: Shop
    currency: str
    locale: str
    speaker: Sender | None
    given: Offer | None
    html: bool

    def named(self, names: Collection[str]) -> dict[str, Any]:
        """The values of these names; those that this occasion has not are left out."""
        return {name: value for name in names if name in _MAKERS and (value := _MAKERS[name](self)) is not None}

    def clean(self, value: object) -> str:
        """A text of the customer's or a product's as it may stand here."""
        if not isinstance(value, str):
            return ""
        return one_line(value) if self.html else inert(value)


def _customer(words: Words) -> Mapping[str, str]:
    name = words.clean(words.profile.get("name"))
    return {"name": name, "given_name": locales.given_name(name, words.locale), "city": words.clean(words.profile.get("city"))}


def _products(words: Words) -> Sequence[Mapping[str, str]]:
    return [_Listed(product, words) for product in words.listed]


class _Listed(dict[str, str]):
    """A product's fields, each made when a template names it."""

    def __init__(self, product: Product, words: Words) -> None:
        super().__init__()
        self._product, self._words = product, words

    def __bool__(self) -> bool:
        return True  # a template may ask whether there is a product, before any field is made

    def __missing__(self, name: str) -> str:
        if name not in _PRODUCT_FIELDS:
            raise KeyError(name)
        made = _PRODUCT_FIELDS[name](self._product, self._words)
        self[name] = made
        return made


def _price(product: Product, words: Words) -> str:
    return "" if product.price is None else locales.money(product.price, words.locale, words.currency)


def _product_list(words: Words) -> str:
    """The products with their links and prices: a list in HTML, escaped; lines elsewhere."""
    rows = ((words.clean(one.name), product_address(one.product_id, one.url, words.shop_is), _price(one, words)) for one in words.listed)
    if not words.html:
        return "\n".join(" ".join(filter(None, ("-", name, price, url))) for name, url, price in rows)
    return Markup("<ul>" + "".join(_row(name, url, price) for name, url, price in rows) + "</ul>")  # noqa: S704 - every row is escaped


def _row(name: str, url: str, price: str) -> str:
    linked = f'<a href="{escape(url)}">{escape(name)}</a>' if url else escape(name)
    return f"<li>{linked} – {escape(price)}</li>" if price else f"<li>{linked}</li>"


def _offer(words: Words) -> Mapping[str, object] | None:
    offer = words.given
    if offer is None:
        return None
    until = "" if offer.valid_days is None else locales.day(words.as_of + timedelta(days=offer.valid_days), words.locale)
    share = locales.share(offer.discount_share, words.locale)
    return {"discount": share, "free_shipping": offer.free_shipping, "code": offer.code, "until": until}


def _sender(words: Words) -> Mapping[str, str] | None:
    one = words.speaker
    return None if one is None else {"name": one.name, "title": one.title, "photo_url": one.photo_url}


def _signature(words: Words) -> str | None:
    """Who speaks: with their photo in HTML, name and title elsewhere."""
    one = words.speaker
    if one is None:
        return None
    told = ", ".join(filter(None, (one.name, one.title)))
    if not words.html:
        return told
    photo = f'<img src="{escape(one.photo_url)}" alt="{escape(one.name)}" width="48" height="48"> ' if one.photo_url else ""
    return Markup(f"<p>{photo}{escape(told)}</p>")  # noqa: S704 - each part is escaped


def _shop(words: Words) -> Mapping[str, str]:
    return {"name": words.shop_is.name, "url": words.shop_is.url if is_safe(words.shop_is.url) else ""}


def _money(words: Words) -> Callable[[float], str]:
    return partial(locales.money, locale=words.locale, currency=words.currency)


_PRODUCT_FIELDS: Final[Mapping[str, Callable[[Product, Words], str]]] = {
    "name": lambda product, words: words.clean(product.name),
    "url": lambda product, words: product_address(product.product_id, product.url, words.shop_is),
    "price": _price,
    "reason": lambda product, words: words.clean(product.reason),
    "image_url": lambda product, words: absolute(product.image_url, words.shop_is),
}
_MAKERS: Final[Mapping[str, Callable[[Words], Any]]] = {
    "customer": _customer,
    "products": _products,
    "product_list": _product_list,
    "offer": _offer,
    "sender": _sender,
    "signature": _signature,
    "shop": _shop,
    "money": _money,
}
