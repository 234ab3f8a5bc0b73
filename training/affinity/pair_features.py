"""What the ranker knows of a customer and a candidate: what the sources say, what happened between the two, and what each is like.

Days are counted in the shop's median gaps between purchases, so that one form fits a grocer and a furniture shop.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.instants import DAY_US
from training.affinity.asked import Asked
from training.affinity.candidates import Candidates
from training.affinity.catalogue import UNKNOWN
from training.affinity.history import Ints
from training.affinity.recall import Range
from training.affinity.sources.favourites import shares_of
from training.affinity.sources.source import Floats32

Floats = NDArray[np.float64]
DAY_HALF_LIVES: Final = (2.0, 8.0, 32.0)  # in median gaps
BASKET_FADINGS: Final = (0.7, 0.9)
PAIR: Final = (
    *(f"share_{int(half_life)}" for half_life in DAY_HALF_LIVES),
    *(f"share_by_basket_{fading}" for fading in BASKET_FADINGS),
    "times_bought",
    "share_of_baskets",
    "baskets_since",
    "since_last_bought",
    "since_last_bought_at_last_basket",
    "since_first_bought",
    "gap_between",
    "overdue",
)
CUSTOMER: Final = ("baskets", "products", "repeated", "since_last_basket", "tenure", "gap_of_customer", "products_per_basket")
PRODUCT: Final = ("buyers", "again", "since_first_sold", "since_last_sold", "popular_long", "trend")
CATALOGUE: Final = ("category_share", "brand_share", "price_to_usual")
INTEREST: Final = ("views", "since_interest", "in_cart")


def names(sources: Sequence[str]) -> tuple[str, ...]:
    """The names of the features, in order."""
    found = [*(f"score:{s}" for s in sources), *(f"rank:{s}" for s in sources), "fused"]
    return (*found, *PAIR, *CUSTOMER, *PRODUCT, *CATALOGUE, *INTEREST)


def pair_features(asked: Asked, known: Range, said: Sequence[Floats32], chosen: Candidates) -> Floats32:
    """One row per candidate, columns as `names` has them; NaN is unknown, or never."""
    row, column = chosen.row, chosen.column
    fused = chosen.ranks.sum(axis=1, keepdims=True)
    parts = [_columns([scores[row, column] for scores in said]), chosen.ranks, fused]
    blocks = [_between(asked, row, column, known.gap_days), _customer(asked, known.gap_days)[row], known.figures[column]]
    blocks += [_catalogue(asked, known, row, column), _interest(asked, row, column, known.gap_days)]
    return np.concatenate([*parts, *blocks], axis=1, dtype=np.float32, casting="same_kind")


def _columns(values: Sequence[NDArray[Any]]) -> Floats:
    """As np.column_stack, at a tenth of its cost for few rows."""
    return np.array(values, float).T


def _found(keys: Ints, wanted: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return place, keys[place] == wanted


def _between(asked: Asked, row: Ints, column: Ints, gap: float) -> Floats:
    pairs, baskets = asked.pairs, asked.baskets
    place, hit = _found(pairs.key, row * asked.products + column)
    table = np.full((len(row), len(PAIR)), np.nan)
    table[:, : len(DAY_HALF_LIVES) + len(BASKET_FADINGS) + 2] = 0.0
    if not hit.any():
        return table
    shares = [asked.shares(h * gap) for h in DAY_HALF_LIVES] + [asked.shares(per_basket=fading) for fading in BASKET_FADINGS]
    between = (pairs.last - pairs.first) / np.where(pairs.count > 1, pairs.count - 1, np.nan)
    since = asked.day - pairs.last
    known = _columns(
        [
            *shares,
            pairs.count,
            pairs.count / baskets.number[pairs.row],
            pairs.back,
            since / gap,
            (baskets.last[pairs.row] - pairs.last) / gap,
            (asked.day - pairs.first) / gap,
            between / gap,
            since / between,
        ]
    )
    table[hit] = known[place[hit]]
    return table


def _customer(asked: Asked, gap: float) -> Floats:
    baskets, pairs, n = asked.baskets, asked.pairs, asked.customers
    products = np.bincount(pairs.row, minlength=n)
    repeated = np.bincount(pairs.row, pairs.count > 1, n)
    bought = np.bincount(asked.bought.customer, minlength=n)
    some = np.where(baskets.number > 0, 1.0, np.nan)
    between = (baskets.last - baskets.first) / np.where(baskets.number > 1, baskets.number - 1, np.nan)
    return _columns(
        [
            baskets.number,
            products,
            repeated / np.maximum(products, 1),
            some * (asked.day - baskets.last) / gap,
            some * (asked.day - baskets.first) / gap,
            between / gap,
            bought / np.maximum(baskets.number, 1),
        ]
    )


def _catalogue(asked: Asked, known: Range, row: Ints, column: Ints) -> Floats:
    table = np.full((len(row), len(CATALOGUE)), np.nan)
    for at, kinds in enumerate(known.catalogue.kinds):
        own = kinds.codes[column]
        named = own != UNKNOWN
        if named.any():
            table[named, at] = shares_of(asked, kinds)[row[named], own[named]]
    price = known.catalogue.price
    mine = price[asked.pairs.column]
    priced = ~np.isnan(mine)
    if priced.any():
        number = np.bincount(asked.pairs.row[priced], minlength=asked.customers)
        usual = np.bincount(asked.pairs.row[priced], mine[priced], asked.customers) / np.where(number > 0, number, np.nan)
        table[:, 2] = price[column] / np.where(usual[row] > 0, usual[row], np.nan)
    return table


def _interest(asked: Asked, row: Ints, column: Ints, gap: float) -> Floats:
    table = np.zeros((len(row), len(INTEREST)))
    table[:, 1] = np.nan
    if not len(asked.seen.at):
        return table
    wanted = asked.wanted
    place, hit = _found(wanted.key, row * asked.products + column)
    since = np.where(wanted.open, np.maximum(asked.day - wanted.at / DAY_US, 0.0) / gap, np.nan)
    known = _columns([wanted.views, since, wanted.carted])
    table[hit] = known[place[hit]]
    return table
