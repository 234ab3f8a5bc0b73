"""Money, dates, shares and names as a language writes them. Vietnamese and English are known; any other language is written as English."""

import re
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Final

FALLBACK: Final = "en"
_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "VND": "₫", "JPY": "¥", "KRW": "₩"}
_WHOLE: Final = frozenset({"VND", "JPY", "KRW"})
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_SWAPPED: Final = str.maketrans(",.", ".,")
_LOCALE: Final = re.compile(r"([a-z]{2,3})([-_][a-z]{4})?([-_]([a-z]{2}|\d{3}))?", re.IGNORECASE)
_CODES: Final = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy"
    " ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo"
    " lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm"
    " sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
LANGUAGES: Final = frozenset(_CODES.split())
"""ISO 639-1."""


def is_locale(text: str) -> bool:
    """Whether it names a language: a two-letter code of ISO 639-1 or a three-letter one, with or without a script and a country."""
    found = _LOCALE.fullmatch(text)
    return found is not None and (len(found[1]) == 3 or found[1].lower() in LANGUAGES)


@lru_cache(maxsize=1024)
def language(locale: str) -> str:
    """The language of a locale: 'vi' of 'vi-VN' or 'vi_VN'."""
    return locale.replace("_", "-").split("-")[0].strip().lower()


def choose(wanted: str, available: Collection[str]) -> str | None:
    """The available locale that is nearest to the wanted one: itself, its language, English, then the first; None if there is none."""
    return _chosen(wanted, tuple(available))


@lru_cache(maxsize=1024)
def _chosen(wanted: str, available: tuple[str, ...]) -> str | None:
    by_name = {locale.replace("_", "-").lower(): locale for locale in available}
    for name in (wanted.replace("_", "-").strip().lower(), language(wanted), FALLBACK):
        if name in by_name:
            return by_name[name]
    return next(iter(available), None)


def money(amount: float, locale: str, currency: str) -> str:
    """The amount with its currency: 1.234.500 ₫ and 12,50 € in Vietnamese, ₫1,234,500 and €12.50 in English."""
    return _written(amount, 0 if currency in _WHOLE else 2, locale, currency)


def small_money(amount: float, locale: str, currency: str) -> str:
    """As `money`, with four decimals below one unit: what a single contact costs or earns is often a fraction of a cent."""
    return _written(amount, 4, locale, currency) if 0 < abs(amount) < 1 and currency not in _WHOLE else money(amount, locale, currency)


def _written(amount: float, decimals: int, locale: str, currency: str) -> str:
    digits = f"{abs(amount):,.{decimals}f}"
    sign = "-" if amount < 0 and digits.strip("0,.") else ""
    symbol = _SYMBOLS.get(currency, currency)
    if language(locale) == "vi":
        return f"{sign}{digits.translate(_SWAPPED)} {symbol}"
    return f"{sign}{symbol}{digits}" if currency in _SYMBOLS else f"{sign}{symbol} {digits}"


def day(instant: datetime, locale: str) -> str:
    """The date: 05/11/2024 in Vietnamese, 5 November 2024 in English."""
    if language(locale) == "vi":
        return f"{instant.day:02d}/{instant.month:02d}/{instant.year}"
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}"


def share(part: float, locale: str = FALLBACK) -> str:
    """The share as a percentage, without needless decimals: 10%, 12.5%, and 12,5% in Vietnamese."""
    text = f"{round(part * 100, 1):g}%"
    return text.translate(_SWAPPED) if language(locale) == "vi" else text


_FAMILIES: Final = frozenset(
    (
        "nguyễn",
        "nguyen",
        "trần",
        "tran",
        "phạm",
        "pham",
        "huỳnh",
        "huynh",
        "lê",
        "hoàng",
        "phan",
        "vũ",
        "võ",
        "đặng",
        "bùi",
        "đỗ",
        "hồ",
        "ngô",
    )
)


def given_name(name: str, locale: str) -> str:
    """By which name to greet: the last word in Vietnamese, and of a Vietnamese name; the first of another; empty if there is no name."""
    words = name.split()
    if not words:
        return ""
    family_first = language(locale) == "vi" or words[0].lower() in _FAMILIES
    return words[-1] if family_first else words[0]
