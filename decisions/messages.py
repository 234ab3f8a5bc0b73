"""Messages: an action's templates filled for one customer, in their language.

Templates are Jinja2, in a sandbox, and written by the shop; what customers and products are called is only ever filled in, never read as a template.
They may use: customer (name, given_name, city), products (name, url, price, reason), product_list (all of them, with links and prices),
offer (discount, free_shipping, code, until), sender (name, title), shop (name, url), and money(amount). Bodies of web-like channels are HTML and
everything filled in is escaped; elsewhere, and in subjects, what is filled in loses its angle brackets and line breaks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Final, Literal

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from decisions import locales
from decisions.actions import Action, Offer, Sender, Shop, Treatment
from decisions.situation import Product
from features.errors import InputError
from features.nearest import nearest

HTML_CHANNELS: Final = frozenset({"email", "web", "app", "ads"})
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "customer": frozenset({"name", "given_name", "city"}),
    "products": frozenset(),
    "product_list": frozenset(),
    "offer": frozenset({"discount", "free_shipping", "code", "until"}),
    "sender": frozenset({"name", "title"}),
    "shop": frozenset({"name", "url"}),
}
_SAFE_URL: Final = re.compile(r"(https?://|/(?!/))[^\s<>\"'\\]*", re.IGNORECASE)
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class Message:
    """What to say: rendered, with the person who says it."""

    locale: str
    subject: str
    body: str
    format: Literal["html", "text"]
    sender: Sender | None


@dataclass(frozen=True)
class Occasion:
    """What the templates are filled with, beside the action: who, when, which products, in which shop and currency."""

    profile: Mapping[str, object]
    as_of: datetime
    products: Sequence[Product]
    shop: Shop
    currency: str


def message(action: Action, occasion: Occasion) -> Message | None:
    """The action's message in the customer's language, English, or the first there is; None for an action that says nothing."""
    locale = locales.choose(_text(occasion.profile.get("locale")), tuple(action.treatments))
    return None if locale is None else _rendered(action, locale, occasion)


def check(action: Action, locale: str, shop: Shop) -> None:
    """Raises InputError if the treatment of this locale cannot be rendered, whoever the customer is; it names what is missing."""
    treatment = action.treatments[locale]
    for part, text in (("subject", treatment.subject), ("body", treatment.body)):
        _check_names(text, f"{locale}, {part}", with_offer=action.offer is not None)
    for occasion in _examples(action, shop):
        try:
            _rendered(action, locale, occasion)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise InputError(f"{locale}: its template cannot be filled: {error}.", remedy=_KNOWN) from error


_KNOWN: Final = (
    "Templates know " + ", ".join(f"{name} ({', '.join(sorted(fields))})" if fields else name for name, fields in _FIELDS.items()) + "."
)


def _rendered(action: Action, locale: str, occasion: Occasion) -> Message:
    treatment = action.treatments[locale]
    html = action.channel in HTML_CHANNELS
    plain = _context(action.offer, treatment, locale, occasion, html=False)
    rich = _context(action.offer, treatment, locale, occasion, html=True) if html else plain
    subject = _BREAKS.sub(" ", _compiled(treatment.subject, False).render(plain)).strip()
    body = _compiled(treatment.body, html).render(rich).strip()
    return Message(locale, subject, body, "html" if html else "text", treatment.sender)


def _context(offer: Offer | None, treatment: Treatment, locale: str, occasion: Occasion, *, html: bool) -> dict[str, Any]:
    clean = _one_line if html else _inert
    name = _text(occasion.profile.get("name"))
    shown = [_product(product, locale, occasion.currency, clean) for product in occasion.products]
    context: dict[str, Any] = {
        "customer": {
            "name": clean(name),
            "given_name": clean(locales.given_name(name, locale)),
            "city": clean(_text(occasion.profile.get("city"))),
        },
        "products": shown,
        "product_list": _product_list(shown, html=html),
        "shop": {"name": occasion.shop.name, "url": _url(occasion.shop.url)},
        "money": partial(locales.money, locale=locale, currency=occasion.currency),
    }
    if treatment.sender is not None:
        context["sender"] = {"name": treatment.sender.name, "title": treatment.sender.title}
    if offer is not None:
        context["offer"] = _offer(offer, locale, occasion.as_of)
    return context


def _product(product: Product, locale: str, currency: str, clean: Any) -> dict[str, str]:
    price = "" if product.price is None else locales.money(product.price, locale, currency)
    return {"name": clean(product.name), "url": _url(product.url), "price": price, "reason": clean(product.reason)}


def _product_list(products: Sequence[Mapping[str, str]], *, html: bool) -> str:
    """The products with their links and prices: a list in HTML, escaped; lines elsewhere."""
    if not html:
        return "\n".join(" ".join(filter(None, ("-", each["name"], each["price"], each["url"]))) for each in products)
    rows = Markup("").join(_product_row(each) for each in products)
    return Markup("<ul>{}</ul>").format(rows)


def _product_row(product: Mapping[str, str]) -> Markup:
    name = Markup('<a href="{}">{}</a>').format(product["url"], product["name"]) if product["url"] else escape(product["name"])
    return Markup("<li>{}{}</li>").format(name, f" – {product['price']}" if product["price"] else "")


def _offer(offer: Offer, locale: str, as_of: datetime) -> dict[str, object]:
    until = "" if offer.valid_days is None else locales.day(as_of + timedelta(days=offer.valid_days), locale)
    return {"discount": locales.share(offer.discount_share), "free_shipping": offer.free_shipping, "code": offer.code, "until": until}


@lru_cache(maxsize=4096)
def _compiled(text: str, html: bool) -> Template:
    return _environment(html).from_string(text)


@lru_cache(maxsize=2)
def _environment(html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(autoescape=html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.clear()
    return environment


def _check_names(text: str, where: str, *, with_offer: bool) -> None:
    try:
        tree = _environment(False).parse(text)
        named = sorted(meta.find_undeclared_variables(tree))
    except TemplateSyntaxError as error:
        raise InputError(
            f"{where}: line {error.lineno} of its template is not Jinja2: {(error.message or '').rstrip('.')}.", remedy=_KNOWN
        ) from error
    for name in named:
        if name not in (*_FIELDS, "money"):
            raise InputError(f"{where}: its template names {name!r}; the nearest known is {nearest(name, _FIELDS)!r}.", remedy=_KNOWN)
        if name == "offer" and not with_offer:
            raise InputError(
                f"{where}: its template speaks of an offer, but the action makes none.",
                remedy="Add the key offer, or take it out of the text.",
            )
    for part in tree.find_all(nodes.Getattr):
        owner = part.node.name if isinstance(part.node, nodes.Name) else ""
        if _FIELDS.get(owner) and part.attr not in _FIELDS[owner]:
            like = nearest(part.attr, _FIELDS[owner])
            raise InputError(f"{where}: its template names {owner}.{part.attr}; the nearest known is {owner}.{like}.", remedy=_KNOWN)


def _examples(action: Action, shop: Shop) -> Iterator[Occasion]:
    """With and without a name and a price; with one product and as many as the action may show."""
    for profile, price, most in (({"name": "Nguyễn Thị Lan", "city": "Huế"}, 12.5, action.product_count), ({}, None, 1)):
        count = 0 if action.products == "none" else most
        products = [Product(str(n), f"Example {n}", f"/products/{n}", "because", price) for n in range(count)]
        yield Occasion(profile, datetime(2024, 1, 31), products, shop, "EUR")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _one_line(text: str) -> str:
    return " ".join(_BREAKS.sub(" ", text).split())


def _inert(text: str) -> str:
    return _one_line(text.replace("<", "").replace(">", ""))


def _url(url: str) -> str:
    """The address if it is a web address or a path; empty otherwise (javascript:, data:, quotes)."""
    return url if _SAFE_URL.fullmatch(url) else ""
