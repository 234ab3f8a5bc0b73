"""The affinity model: what each customer will want next. Sources recall, a ranker (or what else a backtest chose) puts in order.

It keeps products and knows no customer: histories are given when it is asked, so that purchases made since the training count, and
nobody who is erased from the tables is left in it. Many customers and one alone take the same path and get the same answer.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from features.contract import CUSTOMER_ID, PRODUCT_ID
from features.instants import DAY_US, microseconds
from features.interaction_tables import Interactions
from training import artifacts
from training.affinity.because import POPULAR, Recommendation, bought_together, explained
from training.affinity.candidates import Mask, first
from training.affinity.catalogue import UNKNOWN
from training.affinity.files import read_orders, read_recall, write_orders, write_recall
from training.affinity.history import encode, median_gap_days
from training.affinity.orders import Orders
from training.affinity.questions import of_signals, of_tables
from training.affinity.ranked import List, popular_first, ranked
from training.affinity.recall import PLAIN, Range, Recall, fit_recall
from training.affinity.sheets import chunks
from training.affinity.signals import Signals
from training.affinity.sources.bought_together import BoughtTogether
from training.affinity.sources.factors import Factoriser
from training.affinity.sources.product_similarity import ProductSimilarity
from training.affinity.sources.source import Floats32, HalfLives

KIND: Final = "affinity"
COLUMNS: Final = (CUSTOMER_ID, PRODUCT_ID, "rank", "score", "source")
RELATED: Final = ("product_similarity", "bought_together")
"""Sources that every model keeps beside its own, for the products that go with a product."""


class AffinityModel:
    """Ranks products for customers, with the sources, half-lives and orders that training.affinity.backtest chooses.

    Without them it is personal frequency and popularity. `seed` starts the factors; `threads` are used in training alone; `factorise` learns
    factors elsewhere (on Spark).
    """

    as_of: datetime
    half_lives: HalfLives
    recall: Recall
    related: Recall

    def __init__(
        self,
        orders: Orders | None = None,
        half_lives: HalfLives | None = None,
        sources: Sequence[str] = PLAIN,
        *,
        seed: int = 0,
        threads: int = 2,
        factorise: Factoriser | None = None,
    ) -> None:
        self.orders = orders or Orders()
        self.sources = tuple(sources)
        self.seed = seed
        self.threads = threads
        self.horizon_days: int | None = None
        self.metrics: dict[str, float] = {}
        self.data_hash = ""
        self.version: str | None = None
        self._given_half_lives = half_lives
        self._factorise = factorise

    def fit(self, known: Interactions, *, as_of: datetime) -> Self:
        """Learns from what was `known` before `as_of`; later rows are not seen.

        Raises InputError where nothing was bought. One customer or one product is enough for frequency and popularity.
        """
        history = encode(known.before(as_of))
        gap = median_gap_days(history.bought)
        self.half_lives = self._given_half_lives or HalfLives(16.0 * gap, 2.0 * gap)
        wanted = {*self.sources, *PLAIN, *RELATED}
        fitted = fit_recall(
            history, as_of, self.half_lives, names=tuple(wanted), seed=self.seed, threads=self.threads, factorise=self._factorise
        )
        self.recall, self.related = fitted.keep([*self.sources, *PLAIN]), fitted.keep(RELATED)
        self.as_of = as_of
        return self

    def recommend(
        self,
        known: Interactions,
        n: int,
        *,
        as_of: datetime | None = None,
        customer_ids: Sequence[str] | None = None,
        exclude_purchased: bool = False,
        offered: Mask | None = None,
    ) -> pd.DataFrame:
        """customer_id, product_id, rank (1 is best), score, source: up to `n` products for everybody who bought anything, or for `customer_ids`.

        Sorted by customer and rank. `known` is what is known at `as_of`, the training's where none is given; `offered` is a mask over the
        range, None all of it. Customers without rows get what is popular; a list is shorter only where no more products may be shown.
        """
        at = as_of or self.as_of
        seen = known.before(at)
        customers = np.unique(np.asarray(seen.purchases[CUSTOMER_ID].unique() if customer_ids is None else customer_ids, dtype=str))
        asked = of_tables(seen, customers, microseconds(at) // DAY_US, self.recall.range)
        order = self.orders.mode(exclude_purchased=exclude_purchased)
        lists: list[List] = []
        with threadpool_limits(1, "blas"):  # one customer after the other: threads would only wait for each other
            for start, stop in chunks(len(customers), asked.products):
                part = asked.rows(start, stop)
                lists += ranked(self.recall, part, n, order, exclude_purchased=exclude_purchased, offered=offered)
        return _table(customers, lists, self.recall.range)

    def recommend_one(
        self,
        signals: Signals,
        as_of: datetime,
        n: int,
        *,
        exclude_purchased: bool = False,
        offered: Mask | None = None,
    ) -> list[Recommendation]:
        """Up to `n` products for somebody with these signals before `as_of`, best first.

        The same answer as `recommend` gives for the same rows. No signals give what is popular.
        """
        asked = of_signals(signals, as_of, self.recall.range)
        order = self.orders.mode(exclude_purchased=exclude_purchased)
        (found,) = ranked(self.recall, asked, n, order, exclude_purchased=exclude_purchased, offered=offered)
        return explained(found.columns, found.scores.tolist(), found.sources, asked, self.related)

    def popular(self, n: int, *, offered: Mask | None = None) -> list[Recommendation]:
        """What was popular at the training's as_of, best first."""
        found = popular_first(self.recall, n, offered)
        ids = self.product_ids[found.columns].tolist()
        return [Recommendation(p, s, "popularity", POPULAR) for p, s in zip(ids, found.scores.tolist(), strict=True)]

    def similar(self, product_id: str, n: int, *, offered: Mask | None = None) -> list[Recommendation]:
        """Products that the same customers buy, most alike first; then those of its line, category and brand. Empty outside the range."""
        column = int(self.recall.range.columns([product_id])[0])
        if column == UNKNOWN:
            return []
        found = self._near("product_similarity", column, n, offered)
        if len(found) >= n:
            return found
        said = _alike(self.recall.range, column)
        said[[column, *self.recall.range.columns(one.product_id for one in found)]] = 0.0
        rest = _best(said, n - len(found), offered)
        ids = self.product_ids
        return found + [
            Recommendation(str(ids[c]), float(said[c]), "same_kind", f"of the same kind as {product_id}", product_id) for c in rest
        ]

    def together(self, product_id: str, n: int, *, offered: Mask | None = None) -> list[Recommendation]:
        """Products that lie in the same baskets, most often first; empty outside the range, or where it was always bought alone."""
        column = int(self.recall.range.columns([product_id])[0])
        return [] if column == UNKNOWN else self._near("bought_together", column, n, offered)

    def likeness(self, product_ids: Sequence[str]) -> Floats32:
        """How alike products are to shoppers, 0 to 1: (n, n), symmetric, 1 on the diagonal; unknown products are like none.

        The greatest of: bought by the same customers, the same line, and a half for the same category or brand.
        """
        columns = self.recall.range.columns(product_ids)
        known = np.flatnonzero(columns != UNKNOWN)
        alike = np.zeros((len(columns), len(columns)), np.float32)
        alike[np.ix_(known, known)] = likeness_of(self.recall.range, self._near_table("product_similarity"), columns[known])
        np.fill_diagonal(alike, 1.0)
        return alike

    @property
    def product_ids(self) -> NDArray[np.str_]:
        """The range: every product that can be recommended."""
        return self.recall.range.product_ids

    def knows(self, product_ids: Iterable[str]) -> bool:
        """Whether any of these products is in the range."""
        return bool((self.recall.range.columns(product_ids) != UNKNOWN).any())

    def offered(self, product_ids: Iterable[str]) -> Mask:
        """A mask over the range: which products are among these. To be made once for many questions."""
        columns = self.recall.range.columns(product_ids)
        offered = np.zeros(len(self.product_ids), bool)
        offered[columns[columns != UNKNOWN]] = True
        return offered

    def save(self, folder: Path) -> None:
        """Writes the model into an existing, empty folder."""
        kept = {source.name: source for source in (*self.recall.sources, *self.related.sources)}
        write_recall(folder, Recall(self.recall.range, tuple(kept.values())))
        header: dict[str, object] = {
            "kind": KIND,
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon_days,
            "feature_names": [],
            "parameters": {**self.parameters(), "orders": write_orders(folder, self.orders), "seed": self.seed},
            "metrics": self.metrics,
            "data_hash": self.data_hash,
        }
        artifacts.write_model(folder, header)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that was saved in `folder`; InputError where the folder is damaged or holds another kind of model."""
        header = artifacts.read_model(folder, KIND)
        told = header["parameters"]
        half_lives = HalfLives(*(float(told[name]) for name in ("personal_half_life_days", "popularity_half_life_days")))
        model = cls(read_orders(folder, told["orders"]), half_lives, told["sources"], seed=told["seed"])
        everything = read_recall(folder, [*told["sources"], *(name for name in told["related"] if name not in told["sources"])])
        model.recall, model.related = everything.keep(told["sources"]), everything.keep(told["related"])
        model.half_lives, model.as_of = half_lives, datetime.fromisoformat(header["as_of"])
        model.horizon_days, model.metrics, model.data_hash = header["horizon_days"], header["metrics"], header["data_hash"]
        model.version = header.get("version")
        return model

    def parameters(self) -> dict[str, object]:
        """Half-lives in days ("inf": nothing is ever forgotten), the sources, and which way each mode goes."""
        return {
            "personal_half_life_days": str(self.half_lives.personal_days),
            "popularity_half_life_days": str(self.half_lives.popularity_days),
            "sources": [source.name for source in self.recall.sources],
            "related": [source.name for source in self.related.sources],
            "ways": self.orders.ways,
        }

    def _near_table(self, name: str) -> csr_matrix | None:
        source = self.related.source(name)
        return source.near if isinstance(source, ProductSimilarity | BoughtTogether) else None

    def _near(self, name: str, column: int, n: int, offered: Mask | None) -> list[Recommendation]:
        near = self._near_table(name)
        if near is None:
            return []
        said = near[[column]].toarray().ravel()
        product_id, ids = str(self.product_ids[column]), self.product_ids
        text = bought_together(product_id)
        return [Recommendation(str(ids[c]), float(said[c]), name, text, product_id) for c in _best(said, n, offered)]


def _best(said: Floats32, n: int, offered: Mask | None) -> list[int]:
    columns: list[int] = first(said, n, offered).tolist()
    return columns


def _alike(shop: Range, column: int) -> Floats32:
    """By what the range says: 0.75 for the line, 0.5 for the category, 0.25 for the brand; popular products first among equals."""
    said = np.zeros(len(shop.product_ids), np.float32)
    for codes, worth in ((shop.catalogue.brand, 0.25), (shop.catalogue.category, 0.5), (shop.catalogue.line, 0.75)):
        if codes[column] != UNKNOWN:
            said[codes == codes[column]] = worth
    return said


def likeness_of(shop: Range, near: csr_matrix | None, columns: NDArray[np.int64]) -> Floats32:
    """How alike these columns of the range are, 0 to 1, as `AffinityModel.likeness` says it; neighbours count against each one's closest."""
    alike = np.zeros((len(columns), len(columns)))
    if near is not None:
        rows = near[columns]
        closest = np.maximum(np.asarray(rows.max(axis=1).toarray(), float), 1e-9)
        alike = np.asarray(rows[:, columns].toarray(), float) / closest
        alike = np.maximum(alike, alike.T)
    for codes, worth in ((shop.catalogue.brand, 0.5), (shop.catalogue.category, 0.5), (shop.catalogue.line, 1.0)):
        own = codes[columns]
        same = (own[:, None] == own[None, :]) & (own != UNKNOWN)[:, None]
        alike = np.maximum(alike, same * worth)
    return alike.astype(np.float32)


def _table(customers: NDArray[np.str_], lists: Sequence[List], shop: Range) -> pd.DataFrame:
    lengths = [len(found.columns) for found in lists]
    types = dict(zip(COLUMNS, ("str", "str", "int64", "float64", "str"), strict=True))
    columns = np.concatenate([np.zeros(0, np.int64), *(found.columns for found in lists)])
    values: tuple[Any, ...] = (
        np.repeat(customers, lengths),
        shop.product_ids[columns],
        np.concatenate([np.zeros(0, np.int64), *(np.arange(1, length + 1) for length in lengths)]),
        np.concatenate([np.zeros(0), *(found.scores for found in lists)]),
        [source for found in lists for source in found.sources],
    )
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True))).astype(types)
