"""Recall: the range, and the sources fitted together on one history. The first of two stages; the ranker is the second."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.instants import DAY_US, microseconds
from training.affinity.asked import Asked, Bought, Seen
from training.affinity.catalogue import UNKNOWN, Catalogue
from training.affinity.history import History, Ints, median_gap_days
from training.affinity.sources import (
    bought_next,
    bought_together,
    favourites,
    looked_at,
    matrix_factorisation,
    new_products,
    personal_frequency,
    popular_in_place,
    popular_lately,
    popular_next,
    popularity,
    product_similarity,
    same_line,
    similar_customers,
)
from training.affinity.sources.factors import Factoriser
from training.affinity.sources.source import HalfLives, Material, Source
from training.affinity.sources.table_of_popularity import TableOfPopularity, decayed_counts, share_of_most

SOURCES: Final[Mapping[str, ModuleType]] = {
    "personal_frequency": personal_frequency,
    "popularity": popularity,
    "popular_lately": popular_lately,
    "popular_next": popular_next,
    "popular_in_place": popular_in_place,
    "matrix_factorisation": matrix_factorisation,
    "product_similarity": product_similarity,
    "bought_together": bought_together,
    "bought_next": bought_next,
    "similar_customers": similar_customers,
    "favourites": favourites,
    "same_line": same_line,
    "looked_at": looked_at,
    "new_products": new_products,
}
PLAIN: Final = ("personal_frequency", "popularity")
"""The baseline, and what every model keeps."""


@dataclass(frozen=True)
class Range:
    """The products that can be recommended, most popular first, those that nobody bought last; what the range says of them, and their sales.

    Per product: `buyers`, `again` (the share of buyers who bought it again, drawn to the mean where buyers are few), `first` and `last`
    day sold (NaN where never), `popular` over a long time (0 to 1), `trend` (popularity of late over that). `as_of_day` is the day on which
    all this was known, `gap_days` the median gap between purchase days.
    """

    product_ids: NDArray[np.str_]
    catalogue: Catalogue
    buyers: NDArray[np.float64]
    again: NDArray[np.float64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    popular: NDArray[np.float64]
    trend: NDArray[np.float64]
    as_of_day: int
    gap_days: float
    place_names: tuple[str, ...]

    @cached_property
    def figures(self) -> NDArray[np.float64]:
        """What the ranker knows of a product (pair_features.PRODUCT), as of the day of learning: a later day of asking makes none staler."""
        first, last = (self.as_of_day - day for day in (self.first, self.last))
        columns = [np.log1p(self.buyers), self.again, first / self.gap_days, last / self.gap_days, self.popular, self.trend]
        return np.column_stack(columns)

    @cached_property
    def _column(self) -> Mapping[str, int]:
        return {product_id: column for column, product_id in enumerate(self.product_ids.tolist())}

    def columns(self, product_ids: Iterable[str]) -> Ints:
        """The column of each product id, UNKNOWN outside the range."""
        get = self._column.get
        return np.asarray([get(product_id, UNKNOWN) for product_id in product_ids], np.int64)

    def place(self, name: str) -> int:
        """The code of a place, UNKNOWN for one that nobody was in."""
        return self.place_names.index(name) if name in self.place_names else UNKNOWN


@dataclass(frozen=True)
class Recall:
    """The range and its sources, in the order of SOURCES. It knows no customer."""

    range: Range
    sources: tuple[Source, ...]

    def source(self, name: str) -> Source | None:
        """The source of this name; None where the shop has none."""
        return next((source for source in self.sources if source.name == name), None)

    def orders(self, asked: Asked) -> list[list[Ints] | None]:
        """Of sources that know it beforehand each customer's products in order; None of the others."""
        return [_orders(source, asked) if isinstance(source, TableOfPopularity) else None for source in self.sources]

    def keep(self, names: Sequence[str]) -> "Recall":
        """These sources alone."""
        return replace(self, sources=tuple(source for source in self.sources if source.name in names))


LONG_GAPS: Final = 8.0  # half-life of popularity over a long time, in median gaps
LATE_GAPS: Final = 0.5
_NOTHING: Final[Ints] = np.zeros(0, np.int64)


def _orders(source: TableOfPopularity, asked: Asked) -> list[Ints]:
    return [source.orders[group] if group >= 0 else _NOTHING for group in source.groups(asked).tolist()]


AGAIN_PRIOR: Final = 5.0  # buyers' worth of the shop's mean share of repeats


def columns_of(known: Range, history: History) -> Ints:
    """The column of each product of the history, by its code; UNKNOWN outside the range."""
    return known.columns(history.product_ids.tolist())


def asked_of(history: History, day: int, columns: Ints, customers: Ints, *, products: int) -> Asked:
    """These customers (codes of the history; UNKNOWN for a stranger) over the range: `columns` by product code."""
    row = np.full(len(history.customer_ids) + 1, UNKNOWN, np.int64)  # the last one is the stranger's
    row[customers] = np.arange(len(customers))
    row[UNKNOWN] = UNKNOWN
    b, s = history.bought, history.seen
    mine = row[b.customer] != UNKNOWN
    bought = distinct(row[b.customer[mine]], columns[b.product[mine]], b.at[mine] // DAY_US)
    mine = (row[s.customer] != UNKNOWN) & (columns[s.product] != UNKNOWN)
    order = np.argsort(row[s.customer[mine]], kind="stable")
    seen = Seen(*(values[mine][order] for values in (row[s.customer], columns[s.product], s.at, s.kind)))
    place = np.append(history.place, UNKNOWN)[customers]
    return Asked(day, len(customers), products, bought, seen, place)


def distinct(customer: Ints, product: Ints, day: Ints) -> Bought:
    """Distinct purchase days from rows in any order."""
    order = np.lexsort((day, product, customer))
    customer, product, day = customer[order], product[order], day[order]
    new = np.ones(len(day), bool)
    new[1:] = (customer[1:] != customer[:-1]) | (product[1:] != product[:-1]) | (day[1:] != day[:-1])
    return Bought(customer[new], product[new], day[new])


def fit_recall(
    history: History,
    as_of: datetime,
    half_lives: HalfLives,
    *,
    names: Sequence[str] = tuple(SOURCES),
    unsold: bool = True,
    seed: int = 0,
    threads: int = 2,
    factorise: Factoriser | None = None,
) -> Recall:
    """The range and the sources of these names for which the data have something, learned from a history that ends before `as_of`.

    `unsold` takes listed products into the range that nobody bought yet; without it only those on sale since a known day, as at an
    earlier time nobody can tell whether the others were there.
    """
    day = microseconds(as_of) // DAY_US
    gap = median_gap_days(history.bought)
    codes = _most_popular_first(history, microseconds(as_of), half_lives.popularity_days, unsold=unsold)
    columns = np.full(len(history.product_ids), UNKNOWN, np.int64)
    columns[codes] = np.arange(len(codes))
    everybody = asked_of(history, day, columns, history.buyers, products=len(codes))
    known = _range(history, codes, everybody, gap)
    material = Material(everybody, known.catalogue, gap, half_lives, history.place_names, seed, threads, factorise)
    fitted = (SOURCES[name].fit(material) for name in SOURCES if name in names)
    return Recall(known, tuple(source for source in fitted if source is not None))


def _most_popular_first(history: History, now: int, half_life_days: float, *, unsold: bool) -> Ints:
    every = len(history.product_ids)
    b = history.bought
    days = distinct(b.customer, b.product, b.at // DAY_US)
    popular = np.bincount(days.product, np.exp2(-(now // DAY_US - days.day) / half_life_days), every)
    counts = np.bincount(days.product, minlength=every)
    order = np.lexsort((np.arange(every), -counts, -popular))
    on_sale = history.catalogue.since * DAY_US < now
    listed = on_sale | (history.catalogue.listed & np.isnan(history.catalogue.since)) if unsold else on_sale
    return order[(counts[order] > 0) | listed[order]].astype(np.int64)


def _range(history: History, codes: Ints, everybody: Asked, gap_days: float) -> Range:
    pairs, products = everybody.pairs, len(codes)
    buyers = np.bincount(pairs.column, minlength=products).astype(float)
    repeated = np.bincount(pairs.column, pairs.count > 1, products)
    usual = repeated.sum() / max(buyers.sum(), 1.0)
    first, last = np.full(products, np.inf), np.full(products, -np.inf)
    np.minimum.at(first, pairs.column, pairs.first)
    np.maximum.at(last, pairs.column, pairs.last)
    sold = buyers > 0
    popular, lately = (share_of_most(decayed_counts(everybody, gaps * gap_days)).astype(float) for gaps in (LONG_GAPS, LATE_GAPS))
    return Range(
        history.product_ids[codes],
        history.catalogue.take(codes),
        buyers,
        (repeated + AGAIN_PRIOR * usual) / (buyers + AGAIN_PRIOR),
        np.where(sold, first, np.nan),
        np.where(sold, last, np.nan),
        popular,
        lately / (popular + 1e-9),
        everybody.day,
        gap_days,
        history.place_names,
    )
