"""One persona: what is typical of a group of like customers, said in English and Vietnamese."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.quick_yaml import read_yaml
from training.reason_sentences import Sentence, number, sentence
from training.segments.traits import Scaling, traits

TEXTS: Final = Path(__file__).with_name("personas.yaml")
APART: Final = 0.4  # spreads from the shop's middle from which on a trait sets a group apart
MOST_TRAITS: Final = 2
MOST_CATEGORIES: Final = 3
_SHARES: Final = ("discount_share", "web_order_share", "app_order_share", "store_order_share", "evening_share", "weekend_share")
_MEDIANS: Final = (
    "lines_per_order_mean",
    "value_per_order_mean",
    "value_total",
    "gap_mean_days",
    "order_day_count",
    "days_since_last_order",
)


@dataclass(frozen=True)
class Persona:
    """A group of like customers: its lasting label, the share of the customers in it, what is typical (medians, and means of shares, by feature),
    the categories bought most with their shares of the purchases, and the traits that set it apart, the most telling first, with their sign."""

    label: str
    share: float
    typical: Mapping[str, float]
    categories: tuple[tuple[str, float], ...]
    apart: tuple[tuple[str, int], ...]

    def name(self, locale: str = "en") -> str:
        """What sets it apart, in a few words: "big baskets, every 3 weeks"."""
        words = [_word(name, sign, self.typical, locale) for name, sign in self.apart]
        return ", ".join(words) or str(_texts()["ordinary"][locale])

    def description(self, locale: str = "en", *, currency: str = "") -> str:
        """Share, basket, money, rhythm, channel and favourite categories, as one sentence."""
        parts = [str(_texts()["share"][locale]).format(share=f"{number(100 * self.share, locale, 0)}%")]
        parts += [one.read(self.typical, locale, currency) for one in _descriptions() if self._holds(one)]
        if self.categories:
            listed = ", ".join(f"{name} ({number(100 * share, locale, 0)}%)" for name, share in self.categories)
            parts.append(str(_texts()["favourites"][locale]).format(categories=listed))
        return "; ".join(parts) + "."

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Self:
        """The persona that `to_json` wrote."""
        pairs = {name: tuple((str(a), b) for a, b in read[name]) for name in ("categories", "apart")}
        return cls(str(read["label"]), float(read["share"]), dict(read["typical"]), pairs["categories"], pairs["apart"])

    def _holds(self, one: Sentence) -> bool:
        return all(name in self.typical for name in one.facts) and (one.when is None or one.when.holds(self.typical))


def typical(members: pd.DataFrame) -> dict[str, float]:
    """What is typical of these customers, by feature; what none of them has is left out."""
    numbers = {**{name: members[name].median() for name in _MEDIANS}, **{name: members[name].mean() for name in _SHARES}}
    return {name: float(value) for name, value in numbers.items() if np.isfinite(value)}


def favourites(categories: pd.Series) -> tuple[tuple[str, float], ...]:
    """The categories of these purchases that stand for most of them, with their shares."""
    counts = categories.value_counts(normalize=True)
    order = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple((str(name), float(share)) for name, share in order[:MOST_CATEGORIES])


def set_apart(scale: Scaling, centres: NDArray[np.float64], typicals: Sequence[Mapping[str, float]]) -> list[tuple[tuple[str, int], ...]]:
    """The traits of every group that lie furthest from the shop's middle: two, and more where two groups would bear one name."""
    distances = centres / [traits()[name]["weight"] for name in scale.names]
    ranked = [
        [(scale.names[j], int(np.sign(row[j]))) for j in np.argsort(-np.abs(row), kind="stable") if abs(row[j]) >= APART]
        for row in distances
    ]
    taken = [MOST_TRAITS] * len(ranked)
    for _ in scale.names:
        words = [
            tuple(_word(name, sign, each, "en") for name, sign in row[:n]) for row, n, each in zip(ranked, taken, typicals, strict=True)
        ]
        taken = [n + (words.count(word) > 1) for n, word in zip(taken, words, strict=True)]
    return [tuple(row[:n]) for row, n in zip(ranked, taken, strict=True)]


def _word(name: str, sign: int, numbers: Mapping[str, float], locale: str) -> str:
    if name == "order_day_count":
        return _rhythm(numbers, locale)
    return str(traits()[name]["high" if sign > 0 else "low"][locale])


def _rhythm(numbers: Mapping[str, float], locale: str) -> str:
    days = numbers.get("gap_mean_days")
    if days is None or numbers["order_day_count"] < 1.5:
        return str(_texts()["single"][locale])
    row = next(row for row in _texts()["rhythms"] if days < row["below"])
    return str(row[locale]).format(n=round(days / row["unit"]))


@cache
def _descriptions() -> tuple[Sentence, ...]:
    return tuple(sentence(row) for row in _texts()["descriptions"])


@cache
def _texts() -> Mapping[str, Any]:
    read: dict[str, Any] = read_yaml(TEXTS.read_text(encoding="utf-8"))
    return read
