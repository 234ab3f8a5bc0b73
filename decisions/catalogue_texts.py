"""What the catalogue says and who says it, as far as it can be judged before a customer is known: senders, the shop's addresses, treatments."""

import re
from collections.abc import Mapping
from typing import Final

from decisions import locales
from decisions.actions import Sender, Shop, Treatment
from decisions.addresses import is_safe, is_web
from decisions.catalogue_form import ActionForm, SenderForm, TreatmentForm
from decisions.channels import HTML_CHANNELS
from decisions.reading import Part, Step
from features.nearest import nearest

_NOBODY: Final = ("noreply", "donotreply", "dontreply", "nicht antworten", "khongtraloi")
_ADDRESS: Final = re.compile(r"[^@\s<>\"']+@[^@\s<>\"']+")
_TAG: Final = re.compile(r"</?(p|a|br|div|span|strong|b|i|em|ul|ol|li|h[1-6]|img|table|html)\b[^>]*>", re.IGNORECASE)


def require_locale(part: Part, word: str, *keys: Step) -> None:
    """Raises InputError for a word that is no language: vn is a country, vi its language."""
    if not locales.is_locale(word):
        like = nearest(word, locales.LANGUAGES)
        remedy = f"Name a language by its code (vi, en, en-GB); the nearest known is {like!r}."
        raise part.error(f"{word!r} is no language", remedy, *keys)


def sender_of(part: Part, given: SenderForm, *keys: Step) -> Sender:
    """The sender: a person whom customers can answer. Raises InputError for a no-reply address, and for what is no address."""
    plain = re.sub(r"[-_.+]", "", given.reply_to.lower())
    if any(word in plain for word in _NOBODY):
        raise part.error(f"customers cannot answer {given.reply_to}", "Give the address of a person who reads it.", *keys, "reply_to")
    if given.reply_to and not _ADDRESS.fullmatch(given.reply_to):
        raise part.error(f"{given.reply_to!r} is no e-mail address", "Write it as linh@shop.example.", *keys, "reply_to")
    if given.photo_url and not is_safe(given.photo_url):
        raise part.error(
            f"{given.photo_url!r} is no address of a picture", "Begin it with https:// or, within the shop, with /.", *keys, "photo_url"
        )
    return Sender(**given.model_dump())


def shop_of(whole: Part, shop: Shop) -> Shop:
    """The shop. Raises InputError for an address that is none, and for products whose address does not say where the product stands."""
    if shop.url and not is_web(shop.url):
        raise whole.error(f"{shop.url!r} is no web address", "Begin it with https://.", "shop", "url")
    if shop.product_url:
        if not is_web(shop.product_url.replace("{product_id}", "1")):
            raise whole.error(f"{shop.product_url!r} is no web address", "Begin it with https://.", "shop", "product_url")
        if "{product_id}" not in shop.product_url:
            remedy = "Write {product_id} where the product's id stands: https://shop.example/p/{product_id}."
            raise whole.error("every product would have the same address", remedy, "shop", "product_url")
    return shop


def treatments_of(
    part: Part, given: ActionForm, channels: tuple[str, ...], senders: Mapping[str, Sender]
) -> dict[str, dict[str, Treatment]]:
    """Channel -> locale -> text. A text that names no channel is for every channel of the action that has none of its own in that locale."""
    found: dict[str, dict[str, Treatment]] = {channel: {} for channel in channels}
    for key, said in given.treatments.items():
        if isinstance(said, TreatmentForm):
            _refuse_channel(part, key, channels)
            require_locale(part, key, "treatments", key)
            treatment = _treatment(part, said, key, senders, "treatments", key)
            for channel in channels:
                found[channel].setdefault(key, treatment)
            continue
        _require_channel(part, key, channels)
        for locale, own in said.items():
            require_locale(part, locale, "treatments", key, locale)
            found[key][locale] = _treatment(part, own, locale, senders, "treatments", key, locale)
    for channel, by_locale in found.items():
        for locale, treatment in by_locale.items():
            _check_kind(part, channel, locale, treatment)
    return {channel: by_locale for channel, by_locale in found.items() if by_locale}


def _treatment(part: Part, said: TreatmentForm, locale: str, senders: Mapping[str, Sender], *keys: Step) -> Treatment:
    if said.sender is not None:
        return Treatment(said.body, said.subject, sender_of(part, said.sender, *keys, "sender"))
    found = locales.choose(locale, tuple(name for name in senders if locales.language(name) == locales.language(locale)))
    return Treatment(said.body, said.subject, None if found is None else senders[found])


def _refuse_channel(part: Part, key: str, channels: tuple[str, ...]) -> None:
    if key in channels:
        raise part.error(f"{key} is a channel; its text needs a language", f"Write {key}: {{en: {{body: ...}}}}.", "treatments", key)


def _require_channel(part: Part, key: str, channels: tuple[str, ...]) -> None:
    if key not in channels:
        remedy = f"It goes by {' and '.join(channels)}: name one of these, or add {key} to its channels."
        raise part.error(f"a text for the channel {key!r}, which the action does not use", remedy, "treatments", key)


def _check_kind(part: Part, channel: str, locale: str, treatment: Treatment) -> None:
    tag = _TAG.search(treatment.body)
    if channel not in HTML_CHANNELS and tag:
        problem = f"{channel} is plain text, and its {locale} text holds HTML ({tag.group()})"
        raise part.error(
            problem, f"Give {channel} a text of its own: treatments: {{{channel}: {{{locale}: {{body: ...}}}}}}.", "treatments"
        )
