"""Proves at load that a message can be rendered, whoever the customer is."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import jinja2
from jinja2 import TemplateSyntaxError

from decisions.actions import Action, Shop
from decisions.message_templates import named
from decisions.message_words import FIELDS
from decisions.messages import Occasion, rendered
from decisions.situation import Product
from features.errors import InputError
from features.nearest import nearest

KNOWN: Final = (
    "Templates know " + ", ".join(f"{name} ({', '.join(sorted(fields))})" if fields else name for name, fields in FIELDS.items()) + "."
)


class TemplateError(InputError):
    """A template names what it cannot: `field` is which one, subject or body."""

    def __init__(self, problem: str, *, remedy: str, field: str) -> None:
        super().__init__(problem, remedy=remedy)
        self.field = field


def check(action: Action, channel: str, locale: str, shop: Shop) -> None:
    """Raises InputError if the treatment of this channel and locale cannot be rendered for everybody; it names what is missing."""
    treatment = action.treatments[channel][locale]
    for part, text in (("subject", treatment.subject), ("body", treatment.body)):
        where = f"{locale}, {part}" if len(action.channels) == 1 else f"{channel}, {locale}, {part}"
        _check_names(text, where, part, with_offer=action.offer is not None)
    for occasion in examples(action, shop):
        try:
            rendered(treatment, action.offer, channel, locale, occasion)
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise InputError(
                f"{locale}: its template cannot be filled: {error}.", remedy=_remedy(action, channel, locale, str(error))
            ) from error


def _remedy(action: Action, channel: str, locale: str, why: str) -> str:
    treatment = action.treatments[channel][locale]
    if treatment.sender is None and ("signature" in why or "sender" in why):
        return f"Say who speaks in {locale}, at the top of the file: senders: {{{locale}: {{name: Linh Nguyen}}}}."
    if not action.products.sources and "product" in treatment.subject + treatment.body:
        return f"Say of which products the action speaks: products: [cart, viewed]. {KNOWN}"
    return KNOWN


def examples(action: Action, shop: Shop) -> Iterator[Occasion]:
    """With and without a name, a price and an address; with as many products as the action may show, and with one."""
    for profile, price, most in (({"name": "Nguyễn Thị Lan", "city": "Huế"}, 12.5, action.products.count), ({}, None, 1)):
        count = most if action.products.sources else 0
        products = [Product(str(n), f"Example {n}", f"/products/{n}", "because", price) for n in range(count)]
        yield Occasion(profile, datetime(2024, 1, 31), products, shop, "EUR")


def _check_names(text: str, where: str, field: str, *, with_offer: bool) -> None:
    try:
        said = named(text)
    except TemplateSyntaxError as error:
        problem = f"{where}: line {error.lineno} of its template is not Jinja2: {(error.message or '').rstrip('.')}."
        quotes = "Write straight quotes: ' or \". " if re.search("[‘’“”]", error.message or "") else ""
        remedy = f"{quotes}What is filled in stands between {{{{ and }}}}. {KNOWN}"
        raise TemplateError(problem, remedy=remedy, field=field) from error
    for name in sorted(said.names):
        if name not in FIELDS:
            raise TemplateError(
                f"{where}: its template names {name!r}; the nearest known is {nearest(name, FIELDS)!r}.", remedy=KNOWN, field=field
            )
        if name == "offer" and not with_offer:
            remedy = "Add the key offer, or take it out of the text."
            raise TemplateError(f"{where}: its template speaks of an offer, but the action makes none.", remedy=remedy, field=field)
    for owner, attribute in said.fields:
        if FIELDS.get(owner) and attribute not in FIELDS[owner]:
            like = nearest(attribute, FIELDS[owner])
            raise TemplateError(
                f"{where}: its template names {owner}.{attribute}; the nearest known is {owner}.{like}.", remedy=KNOWN, field=field
            )
