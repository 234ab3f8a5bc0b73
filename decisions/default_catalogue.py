"""The default catalogue as a home gets it at first use: its amounts of money in the home's currency."""

import re
from pathlib import Path
from typing import Final

from decisions.catalogue import DEFAULT_CATALOGUE
from features.home import Home, config_file

PER_EURO: Final = {
    **dict.fromkeys(("EUR", "USD", "GBP", "CHF"), 1.0),
    **dict.fromkeys(("CAD", "AUD", "NZD", "SGD", "BGN"), 1.5),
    **dict.fromkeys(("AED", "SAR", "PLN", "MYR", "ILS", "RON", "PEN", "BRL"), 5.0),
    **dict.fromkeys(("CNY", "HKD", "DKK", "SEK", "NOK"), 10.0),
    **dict.fromkeys(("CZK", "TWD", "THB", "MXN", "ZAR", "UAH", "TRY"), 30.0),
    **dict.fromkeys(("INR", "PHP", "RUB", "EGP"), 75.0),
    **dict.fromkeys(("JPY", "BDT", "KES"), 150.0),
    **dict.fromkeys(("PKR", "LKR", "HUF"), 350.0),
    **dict.fromkeys(("KRW", "NGN", "CLP", "ARS"), 1_500.0),
    "COP": 4_500.0,
    "IDR": 17_000.0,
    "VND": 25_000.0,
}
"""Units of a currency that buy roughly what a euro buys: an order of magnitude for assumptions, not a rate to exchange money by."""
WHOLE_FROM: Final = 100.0
"""From so many units per euro on, nobody counts in hundredths."""

_NUMBER: Final = r"\d+(?:\.\d+)?"
_AMOUNTS: Final = re.compile(rf"\b(cost|value|most_price): (?:({_NUMBER})|\{{([^{{}}]*)\}})")


def home_catalogue(home: Home) -> Path:
    """The home's catalogue, written in its currency at first use."""
    path = home.config / DEFAULT_CATALOGUE.name.removeprefix("default_")
    return path if path.exists() else config_file(home, DEFAULT_CATALOGUE, text=default_catalogue_for(home.currency))


def default_catalogue_for(currency: str) -> str:
    """The text of the default catalogue with its amounts in this currency, comments kept.

    Amounts are rounded to two digits, and to whole units where a euro is a hundred of them or more; none that was more than nothing becomes nothing. For a
    currency that is not in `PER_EURO` the text is unchanged, in euros: whoever loads it for such a home is warned.
    """
    text = DEFAULT_CATALOGUE.read_text(encoding="utf-8")
    if currency not in PER_EURO:
        return text
    said = re.sub(r"^currency: EUR$", f"currency: {currency}", text, count=1, flags=re.MULTILINE)
    factor = PER_EURO[currency]
    return said if factor == 1 else _AMOUNTS.sub(lambda found: _amounts(found, factor), said)


def _amounts(found: re.Match[str], factor: float) -> str:
    key, one, several = found.groups()
    if one is not None:
        return f"{key}: {_amount(one, factor)}"
    return f"{key}: {{{re.sub(_NUMBER, lambda number: _amount(number[0], factor), several)}}}"


def _amount(text: str, factor: float) -> str:
    amount = float(text) * factor
    if amount == 0:
        return "0"
    rough = float(f"{amount:.2g}")
    return f"{max(round(rough), 1)}" if factor >= WHOLE_FROM else f"{rough:g}"
