"""Messages: an action's templates filled for one customer, in their language and for one channel.

Templates are Jinja2, in a sandbox, and written by the shop; what customers and products are called is only ever filled in, never read as a template.
What they may name is told in `decisions.message_words`. Bodies of web-like channels are HTML, and everything filled in is escaped; elsewhere, and in
subjects, what is filled in loses its angle brackets and line breaks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Literal

from decisions import locales
from decisions.actions import Action, Offer, Sender, Shop, Treatment
from decisions.addresses import absolute
from decisions.channels import HTML_CHANNELS
from decisions.message_templates import Filled, prepared
from decisions.message_words import Words, one_line
from decisions.situation import Product


@dataclass(frozen=True)
class Message:
    """What to say on which channel: rendered, with the person who says it (their photo at an absolute address, if the shop has one)."""

    locale: str
    subject: str
    body: str
    format: Literal["html", "text"]
    sender: Sender | None
    channel: str = ""


@dataclass(frozen=True)
class Occasion:
    """What the templates are filled with, beside the action: who, when, which products, in which shop and currency."""

    profile: Mapping[str, object]
    as_of: datetime
    products: Sequence[Product]
    shop: Shop
    currency: str


def message(action: Action, channel: str, occasion: Occasion) -> Message | None:
    """The action's message on this channel in the customer's language, English, or the first there is; None where it says nothing."""
    by_locale = action.treatments.get(channel)
    if not by_locale:
        return None
    wanted = occasion.profile.get("locale")
    locale = locales.choose(wanted if isinstance(wanted, str) else "", by_locale.keys())
    return None if locale is None else rendered(by_locale[locale], action.offer, channel, locale, occasion)


def rendered(treatment: Treatment, offer: Offer | None, channel: str, locale: str, occasion: Occasion) -> Message:
    """This treatment, filled. Raises what Jinja2 raises for a template that cannot be filled; a loaded catalogue has none."""
    html = channel in HTML_CHANNELS
    sender = None if treatment.sender is None else _sender(treatment.sender, occasion.shop)
    subject = _filled(prepared(treatment.subject, False), False, sender, offer, locale, occasion)
    body = _filled(prepared(treatment.body, html), html, sender, offer, locale, occasion)
    return Message(locale, one_line(subject), body.strip(), "html" if html else "text", sender, channel)


def _filled(text: Filled, html: bool, sender: Sender | None, offer: Offer | None, locale: str, occasion: Occasion) -> str:
    if text.constant is not None:
        return text.constant
    words = Words(occasion.profile, occasion.as_of, occasion.products, occasion.shop, occasion.currency, locale, sender, offer, html)
    return text.template.render(words.named(text.names))


@lru_cache(maxsize=256)
def _sender(sender: Sender, shop: Shop) -> Sender:
    return replace(sender, photo_url=absolute(sender.photo_url, shop))
