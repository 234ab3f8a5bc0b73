"""Money, dates, shares and names as a language writes them. Vietnamese and English are known; any other language is written as English."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

FALLBACK: Final = "en"
_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "VND": "₫", "JPY": "¥", "KRW": "₩"}
_WHOLE: Final = frozenset({"VND", "JPY", "KRW"})
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


def language(locale: str) -> str:
    """The language of a locale: 'vi' of 'vi-VN' or 'vi_VN'."""
    return locale.replace("_", "-").split("-")[0].strip().lower()


def choose(wanted: str, available: Collection[str]) -> str | None:
    """The available locale that is nearest to the wanted one: itself, its language, English, then the first; None if there is none."""
    by_name = {locale.replace("_", "-").lower(): locale for locale in available}
    for name in (wanted.replace("_", "-").strip().lower(), language(wanted), FALLBACK):
        if name in by_name:
            return by_name[name]
    return next(iter(available), None)


def money(amount: float, locale: str, currency: str) -> str:
    """The amount with its currency: 1.234.500 ₫ and 12,50 € in Vietnamese, ₫1,234,500 and €12.50 in English."""
    digits = f"{abs(amount):,.{0 if currency in _WHOLE else 2}f}"
    sign = "-" if amount < 0 and digits.strip("0,.") else ""
    symbol = _SYMBOLS.get(currency, currency)
    if language(locale) == "vi":
        return f"{sign}{digits.translate(str.maketrans(',.', '.,'))} {symbol}"
    return f"{sign}{symbol}{digits}" if currency in _SYMBOLS else f"{sign}{symbol} {digits}"


def day(instant: datetime, locale: str) -> str:
    """The date: 05/11/2024 in Vietnamese, 5 November 2024 in English."""
    if language(locale) == "vi":
        return f"{instant.day:02d}/{instant.month:02d}/{instant.year}"
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}"


def share(part: float) -> str:
    """The share as a percentage, without needless decimals: 10%, 12.5%."""
    return f"{round(part * 100, 1):g}%"


def given_name(name: str, locale: str) -> str:
    """By which name to greet: the last word of a Vietnamese name, the first of an English one; empty if there is no name."""
    words = name.split()
    if not words:
        return ""
    return words[-1] if language(locale) == "vi" else words[0]
