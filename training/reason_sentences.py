"""The sentences of reasons.yaml: which there are, what each asks of a customer's numbers, and how it reads in a language."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from features.attributes import PREFIX
from features.definitions import FEATURES
from features.quick_yaml import read_yaml
from features.rules import Rule, parse

Direction = Literal["raises", "lowers"]
LOCALES: Final = ("en", "vi")
SENTENCES: Final = Path(__file__).with_name("reasons.yaml")

_UNITS: Final[Mapping[str, str]] = {f.name: f.unit for f in FEATURES} | {f"{PREFIX}joined_at": "days"}
_WITHOUT_CENTS: Final = frozenset({"VND", "JPY", "KRW", "CLP", "ISK", "UGX", "XAF", "XOF"})
_SWAPPED: Final = str.maketrans(",.", ".,")
_IS: Final = {"en": ("is not", "is"), "vi": ("không phải là", "là")}
_PART: Final = re.compile(r"\{([^{}]+)\}|\[([^\[\]|]*)\|([^\[\]|]*)\]")


@dataclass(frozen=True)
class Sentence:
    """One sentence: the features that speak through it, those that it tells, and where it may be said.

    `direction` is None where it fits both; `when` is a rule over its facts.
    """

    says: tuple[str, ...]
    facts: tuple[str, ...]
    direction: Direction | None
    when: Rule | None
    texts: Mapping[str, str]

    def fits(self, direction: str, facts: Mapping[str, float]) -> bool:
        """Whether it tells just these facts, this way."""
        told = len(facts) == len(self.facts) and all(name in facts for name in self.facts)
        return told and self.direction in (None, direction) and (self.when is None or self.when.holds(facts))

    def read(self, facts: Mapping[str, float], locale: str, currency: str) -> str:
        """The sentence without its full stop."""
        shown = ""

        def part(found: re.Match[str]) -> str:
            nonlocal shown
            if found[1] is None:
                return found[2] if shown == "1" else found[3]
            shown = _shown(found[1], facts, locale, currency)
            return shown

        return _PART.sub(part, self.texts[locale])


@cache
def sentences() -> Mapping[str, tuple[Sentence, ...]]:
    """The sentences of every family, in the file's order."""
    read: dict[str, list[dict[str, Any]]] = read_yaml(SENTENCES.read_text(encoding="utf-8"))
    return {family: tuple(one for row in rows for one in _each(row)) for family, rows in read.items()}


@cache
def telling(family: str, direction: Direction, facts: frozenset[str]) -> tuple[Sentence, ...]:
    """The family's sentences that tell just these facts, this way; which of them fits is for the numbers to say."""
    return tuple(one for one in sentences().get(family, ()) if set(one.facts) == facts and one.direction in (None, direction))


@cache
def families() -> Mapping[str, str]:
    """The family of every feature that a sentence tells or lets speak. A feature belongs to the family of the first sentence that it speaks through."""
    found: dict[str, str] = {}
    for family, own in sentences().items():
        for one in own:
            for name in one.says:
                found.setdefault(name, family)
    return found


def family_of(name: str) -> str:
    """The family of a feature; an attribute's column is one by itself: that the city is none of eleven others says nothing more."""
    return families().get(name) or name.partition("=")[0]


def read_alone(name: str, value: float, locale: str) -> str:
    """A feature without a sentence: a number beside its name; of an attribute's level, whether it is the customer's."""
    column, equals, level = name.removeprefix(PREFIX).partition("=")
    column = column.replace("_", " ")
    return f"{column} {_IS[locale][value > 0]} {level}" if equals else f"{column}: {number(value, locale)}"


def number(value: float, locale: str, decimals: int | None = None) -> str:
    """The number as the language writes it: 1,234.5 in English, 1.234,5 in Vietnamese; without `decimals`, as many as it needs, at most two."""
    if decimals is None:
        places = 1 if abs(value) >= 1 else 2
        decimals = 0 if round(value, places) == round(value) else places
    text = f"{value + 0.0:,.{decimals}f}"
    text = text.removeprefix("-") if not text.strip("-0.,") else text
    return text.translate(_SWAPPED) if locale == "vi" else text


def money(value: float, locale: str, currency: str) -> str:
    """The amount with the currency's decimals and code; of an unknown currency whole, or with cents where it is below 100."""
    if not currency:
        return number(value, locale, 0 if abs(value) >= 100 or value == round(value) else 2)
    return f"{number(value, locale, 0 if currency in _WITHOUT_CENTS else 2)} {currency}"


def _each(row: dict[str, Any]) -> list[Sentence]:
    numbers = row.get("each", [""])
    filled = [{key: _filled(value, str(one)) for key, value in row.items() if key != "each"} for one in numbers]
    return [sentence(one) for one in filled]


def _filled(value: Any, one: str) -> Any:
    return [_filled(part, one) for part in value] if isinstance(value, list) else value.replace("@", one)


def sentence(row: Mapping[str, Any]) -> Sentence:
    """The sentence that a row of YAML declares, as reasons.yaml explains it."""
    texts = {locale: str(row[locale]) for locale in LOCALES}
    told = [name for text in texts.values() for part in _PART.findall(text) if part[0] for name in _names(part[0])]
    when = row.get("when", "")
    facts = tuple(dict.fromkeys([*row.get("facts", ()), *told, *(sorted(parse(when, _UNITS).names) if when else ())]))
    return Sentence(tuple(row.get("says", facts)), facts, row.get("direction"), parse(when, facts) if when else None, texts)


@cache
def _names(part: str) -> tuple[str, ...]:
    """The features in one pair of braces."""
    if part.startswith(PREFIX):
        return (part,)
    inner = part.partition(":")[0]
    called = re.fullmatch(r"\w+\((.*)\)", inner)
    return tuple(name.strip() for name in re.split(r" - |,", called[1] if called else inner))


def _shown(part: str, facts: Mapping[str, float], locale: str, currency: str) -> str:
    names = _names(part)
    values = [facts[name] for name in names]
    call = part.partition("(")[0] if "(" in part else "-" if " - " in part else ""
    kind = part.partition(":")[2] if not part.startswith(PREFIX) else ""
    value = _CALLS[call](*values) if call else values[0]
    return _written(value, kind or _KINDS_OF_CALLS.get(call) or _UNITS[names[0]], locale, currency)


def _written(value: float, unit: str, locale: str, currency: str) -> str:
    if unit == "days":
        return number(value, locale, 0)
    if unit == "share":
        return f"{number(100 * value, locale, 0)}%"
    return money(value, locale, currency) if unit == "money" else number(value, locale)


def _hour(cosine: float, sine: float) -> float:
    """The hour of the day that the mean direction on the clock points to."""
    return round(math.atan2(sine, cosine) / (2 * math.pi) * 24) % 24


def _months(distance: float) -> float:
    """Months of a year for 1 - the cosine between two times of it."""
    return round(math.acos(min(max(1.0 - distance, -1.0), 1.0)) / (2 * math.pi) * 12)


_CALLS: Final[Mapping[str, Any]] = {
    "-": lambda a, b: a - b,
    "abs": abs,
    "hour": _hour,
    "months": _months,
    "effective": math.exp,  # the number of equal categories with this entropy
}
_KINDS_OF_CALLS: Final = {"hour": "count", "months": "count", "effective": "count"}
