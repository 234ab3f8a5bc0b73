"""The sources of recommendations, fitted together on one history, and what each says of every customer and product."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from features.instants import DAY_US, microseconds
from training.affinity.history import UNKNOWN, History, Ints, PurchaseDays, purchase_days
from training.affinity.matrix_factorisation import Factors, Floats32, factorise
from training.affinity.personal_frequency import personal_frequency
from training.affinity.popularity import most_popular_first, popularity
from training.affinity.product_similarity import similarities, similarity_scores

PERSONAL_FREQUENCY: Final = "personal_frequency"
POPULARITY: Final = "popularity"
MATRIX_FACTORISATION: Final = "matrix_factorisation"
PRODUCT_SIMILARITY: Final = "product_similarity"
SOURCES: Final = (PERSONAL_FREQUENCY, POPULARITY, MATRIX_FACTORISATION, PRODUCT_SIMILARITY)
CELLS: Final = 2_000_000  # customers x products scored at once


@dataclass(frozen=True)
class HalfLives:
    """Days after which a purchase counts half: for its customer's own frequency, and for popularity."""

    personal_days: float
    popularity_days: float


def usual_half_lives(gap_days: float) -> HalfLives:
    """What fits most shops, from the median gap between purchase days; where nothing can be tried."""
    return HalfLives(4.0 * gap_days, gap_days)


@dataclass(frozen=True)
class Recall:
    """The fitted sources over one range of products, most popular first. It knows no customer."""

    product_ids: NDArray[np.str_]
    popularity: Floats32
    factors: Factors | None
    near: csr_matrix
    half_lives: HalfLives

    def contributions(self, days: PurchaseDays) -> Floats32:
        """What each source says, 0 to 1: (sources, customers, products), in the order of SOURCES; unweighted."""
        frequency = personal_frequency(days, self.half_lives.personal_days)
        said = np.zeros((len(SOURCES), days.customers, days.products), np.float32)
        said[0] = frequency.toarray()
        said[1] = self.popularity
        if self.factors is not None:
            said[2] = self.factors.scores(frequency)
        said[3] = similarity_scores(frequency, self.near)
        return said

    def chunk(self) -> int:
        """How many customers to score at once."""
        return max(1, CELLS // max(1, len(self.product_ids)))

    @cached_property
    def _column(self) -> Mapping[str, int]:
        return {product_id: column for column, product_id in enumerate(self.product_ids.tolist())}

    def columns(self, product_ids: Iterable[str]) -> Ints:
        """The column of each product id, UNKNOWN outside the range."""
        return np.asarray([self._column.get(p, UNKNOWN) for p in product_ids], np.int64)

    def days(self, history: History, customers: Ints) -> PurchaseDays:
        """The purchase days of these customers (codes of the history; UNKNOWN for a stranger), as rows in the same order."""
        row = np.full(len(history.customer_ids), UNKNOWN, np.int64)
        known = customers != UNKNOWN
        row[customers[known]] = np.flatnonzero(known)
        column = self.columns(history.product_ids.tolist())
        mine = row[history.customer] != UNKNOWN
        arrays = (row[history.customer[mine]], column[history.product[mine]], history.at[mine])
        return purchase_days(*arrays, customers=len(customers), products=len(self.product_ids))


def popular_range(history: History, as_of: datetime, half_life_days: float) -> tuple[Ints, NDArray[np.float64]]:
    """The codes of the products bought, most popular first, and their popularity."""
    every = len(history.product_ids)
    days = purchase_days(history.customer, history.product, history.at, customers=len(history.customer_ids), products=every)
    popular = popularity(days.product, days.day, microseconds(as_of) // DAY_US, half_life_days, products=every)
    codes = most_popular_first(popular, np.bincount(days.product, minlength=every))
    return codes, popular[codes]


def plain_recall(history: History, as_of: datetime, half_lives: HalfLives) -> Recall:
    """Personal frequency and popularity alone."""
    codes, popular = popular_range(history, as_of, half_lives.popularity_days)
    nothing = (np.zeros(0, np.float32), (np.zeros(0, np.int64), np.zeros(0, np.int64)))
    nothing_near = csr_matrix(nothing, shape=(len(codes), len(codes)))
    return Recall(history.product_ids[codes], popular.astype(np.float32), None, nothing_near, half_lives)


def fit_recall(
    history: History, as_of: datetime, half_lives: HalfLives, rng: np.random.Generator, *, factorised: bool = True, threads: int = 2
) -> Recall:
    """Every source, learned from a history that ends before `as_of`; without `factorised` there are no factors."""
    plain = plain_recall(history, as_of, half_lives)
    frequency = personal_frequency(plain.days(history, np.unique(history.customer)), half_lives.personal_days)
    factors = factorise(frequency, rng, threads=threads) if factorised else None
    return replace(plain, factors=factors, near=similarities(frequency, threads=threads))


def blended(said: Floats32, weights: Mapping[str, float]) -> Floats32:
    """The weighted sum over the sources: (customers, products)."""
    total = np.zeros(said.shape[1:], np.float32)
    for source, one in zip(SOURCES, said, strict=True):
        if weights.get(source, 0.0) > 0.0:
            total += np.float32(weights[source]) * one
    return total
