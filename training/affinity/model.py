"""The affinity model: what each customer will want next, from several sources blended as a backtest chose.

It keeps products and knows no customer: histories are given when it is asked, so that purchases made since the training count, and
nobody who is erased from the tables is left in it. Many customers and one alone take the same path and get the same answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID, PRODUCT_ID
from training import artifacts
from training.affinity.because import POPULAR, Recommendation, bought_together, explained
from training.affinity.blend import Blend
from training.affinity.files import read_recall, write_recall
from training.affinity.history import UNKNOWN, Ints, PurchaseDays, encode, median_gap_days, own_purchases, purchase_days
from training.affinity.ranked import Ranked, ranked
from training.affinity.recall import POPULARITY, PRODUCT_SIMILARITY, SOURCES, HalfLives, Recall, fit_recall, usual_half_lives
from training.affinity.signals import Signals
from training.affinity.top import BLOCKED, best, keys

Mask = NDArray[np.bool_]
KIND: Final = "affinity"
COLUMNS: Final = (CUSTOMER_ID, PRODUCT_ID, "rank", "score", "source")


class AffinityModel:
    """Ranks products for customers, with the half-lives and the blend that training.affinity.backtest chooses.

    Without them it is frequency and popularity. `seed` starts the factors; `threads` are used in training alone.
    """

    as_of: datetime
    half_lives: HalfLives
    recall: Recall

    def __init__(self, blend: Blend | None = None, half_lives: HalfLives | None = None, *, seed: int = 0, threads: int = 2) -> None:
        self.blend = blend or Blend()
        self.seed = seed
        self.threads = threads
        self.horizon_days: int | None = None
        self.metrics: dict[str, float] = {}
        self.data_hash = ""
        self.version: str | None = None
        self._given_half_lives = half_lives

    def fit(self, purchases: pd.DataFrame, *, as_of: datetime) -> Self:
        """Learns from `purchases` (features.interactions.purchases), of which those at or after `as_of` are not seen.

        Raises InputError where there is none. One customer or one product is enough for frequency and popularity.
        """
        history = encode(purchases[purchases.ordered_at < as_of])
        self.half_lives = self._given_half_lives or usual_half_lives(median_gap_days(history))
        rng = np.random.default_rng(self.seed)
        self.recall = fit_recall(history, as_of, self.half_lives, rng, factorised=self.blend.factorised, threads=self.threads)
        self.as_of = as_of
        return self

    def recommend(
        self,
        purchases: pd.DataFrame,
        n: int,
        *,
        customer_ids: Sequence[str] | None = None,
        exclude_purchased: bool = False,
        offered: Mask | None = None,
    ) -> pd.DataFrame:
        """customer_id, product_id, rank (1 is best), score, source: up to `n` products for everybody in `purchases`, or for `customer_ids`.

        Sorted by customer and rank. `purchases` is what is known when asking; `offered` is a mask over the range, None all of it. Customers
        without purchases get what is popular; a list is shorter only where the range, without what is excluded, has fewer products.
        """
        customers = np.unique(np.asarray(purchases[CUSTOMER_ID] if customer_ids is None else customer_ids, dtype=str))
        days = self._days(purchases, customers)
        weights = self.blend.weights(exclude_purchased=exclude_purchased)
        parts = []
        for start, stop in self._chunks(len(customers)):
            found = ranked(self.recall, days.rows(start, stop), n, weights, exclude_purchased=exclude_purchased, offered=offered)
            parts.append(_lists(customers[start:stop], found, self.recall))
        return pd.concat(parts, ignore_index=True)

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
        bought = own_purchases(signals.purchases, as_of)
        column = self.recall.columns(product_id for product_id, _ in bought)
        at = np.asarray([at for _, at in bought], np.int64)
        days = purchase_days(np.zeros_like(column), column, at, customers=1, products=len(self.recall.product_ids))
        weights = self.blend.weights(exclude_purchased=exclude_purchased)
        found = ranked(self.recall, days, n, weights, exclude_purchased=exclude_purchased, offered=offered)
        rows = zip(found.columns[0].tolist(), found.scores[0].tolist(), found.sources[0].tolist(), strict=True)
        return [explained(c, s, SOURCES[source], days, self.recall) for c, s, source in rows if c != BLOCKED]

    def popular(self, n: int, *, offered: Mask | None = None) -> list[Recommendation]:
        """What was popular at the training's as_of, best first: the answer for strangers."""
        columns = np.arange(len(self.recall.product_ids)) if offered is None else np.flatnonzero(offered)
        ids, scores = self.recall.product_ids, self.recall.popularity
        return [Recommendation(str(ids[c]), float(scores[c]), POPULARITY, POPULAR) for c in columns[:n].tolist()]

    def similar(self, product_id: str, n: int, *, offered: Mask | None = None) -> list[Recommendation]:
        """Products that the same customers buy, most alike first; empty for a product outside the range, or one bought with no other."""
        column = int(self.recall.columns([product_id])[0])
        if column == UNKNOWN:
            return []
        scores = self.recall.near[[column]].toarray()
        ordered = np.where(scores > 0.0, keys(scores, np.arange(scores.shape[1]), scores.shape[1]), BLOCKED)
        if offered is not None:
            ordered[:, ~offered] = BLOCKED
        chosen = [c for c in best(ordered, n)[0].tolist() if ordered[0, c] != BLOCKED]
        text, ids = bought_together(product_id), self.recall.product_ids
        return [Recommendation(str(ids[c]), float(scores[0, c]), PRODUCT_SIMILARITY, text, product_id) for c in chosen]

    @property
    def product_ids(self) -> NDArray[np.str_]:
        """The range: every product that can be recommended."""
        return self.recall.product_ids

    def offered(self, product_ids: Iterable[str]) -> Mask:
        """A mask over the range: which products are among these. To be made once for many questions."""
        columns = self.recall.columns(product_ids)
        offered = np.zeros(len(self.recall.product_ids), bool)
        offered[columns[columns != UNKNOWN]] = True
        return offered

    def save(self, folder: Path) -> None:
        """Writes the model into an existing, empty folder."""
        write_recall(folder, self.recall)
        header: dict[str, object] = {
            "kind": KIND,
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon_days,
            "feature_names": [],
            "parameters": {**self.parameters(), "seed": self.seed},
            "metrics": self.metrics,
            "data_hash": self.data_hash,
        }
        artifacts.write_model(folder, header)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that was saved in `folder`; InputError where the folder is damaged or holds another kind of model."""
        header = artifacts.read_model(folder, KIND)
        told = header["parameters"]
        half_lives = HalfLives(told["personal_half_life_days"], told["popularity_half_life_days"])
        model = cls(Blend(told["weights"]), half_lives, seed=told["seed"])
        model.half_lives, model.as_of = half_lives, datetime.fromisoformat(header["as_of"])
        model.recall = read_recall(folder, half_lives)
        model.horizon_days, model.metrics, model.data_hash = header["horizon_days"], header["metrics"], header["data_hash"]
        model.version = header.get("version")
        return model

    def parameters(self) -> dict[str, object]:
        """Half-lives in days, and the weights of the sources by mode."""
        return {
            "personal_half_life_days": self.half_lives.personal_days,
            "popularity_half_life_days": self.half_lives.popularity_days,
            "weights": {mode: dict(weights) for mode, weights in self.blend.modes.items()},
        }

    def _days(self, purchases: pd.DataFrame, customers: NDArray[np.str_]) -> PurchaseDays:
        if purchases.empty:
            nothing: Ints = np.zeros(0, np.int64)
            return PurchaseDays(nothing, nothing, nothing, len(customers), len(self.recall.product_ids))
        history = encode(purchases)
        code = {customer_id: c for c, customer_id in enumerate(history.customer_ids.tolist())}
        return self.recall.days(history, np.asarray([code.get(c, UNKNOWN) for c in customers.tolist()], np.int64))

    def _chunks(self, customers: int) -> Iterator[tuple[int, int]]:
        step = self.recall.chunk()
        return ((start, min(start + step, customers)) for start in range(0, max(customers, 1), step))


def _lists(customers: NDArray[np.str_], found: Ranked, recall: Recall) -> pd.DataFrame:
    kept = found.columns != BLOCKED
    rank = np.broadcast_to(np.arange(1, found.columns.shape[1] + 1), found.columns.shape)
    values = (
        np.repeat(customers, kept.sum(axis=1)),
        recall.product_ids[found.columns[kept]],
        rank[kept],
        found.scores[kept].astype(float),
        np.asarray(SOURCES)[found.sources[kept]],
    )
    types = dict(zip(COLUMNS, ("str", "str", "int64", "float64", "str"), strict=True))
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True))).astype(types)
