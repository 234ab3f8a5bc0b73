"""How lists of recommendations are measured: what is history, what is to be found, and how well a list finds it.

A basket is the distinct products of one order. Two splits: `temporal` asks for everything that is bought within a horizon after a cut-off,
`last` for everybody's last basket. Products that nobody bought before are nobody's target. Two modes: ALL counts repeat purchases, NEW only
products that the customer never bought, and lists of products that they never bought.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ALL: Final = "all"
NEW: Final = "new"
MODES: Final = (ALL, NEW)
COUNTED: Final = 10
LEAST_BASKETS: Final = 3
PAIR: Final = ["customer_id", "product_id"]


@dataclass(frozen=True)
class Split:
    """Order lines that may be known, and the pairs customer_id, product_id that are to be found."""

    history: pd.DataFrame
    target: pd.DataFrame


@dataclass(frozen=True)
class Found:
    """Recall and NDCG at 10 of each customer with a target, in the order of their ids."""

    recalls: Floats
    ndcgs: Floats

    @property
    def recall(self) -> float:
        """The mean of recall@10."""
        return float(self.recalls.mean())

    @property
    def ndcg(self) -> float:
        """The mean of NDCG@10."""
        return float(self.ndcgs.mean())

    @property
    def ndcg_error(self) -> float:
        """The standard error of the mean of NDCG@10."""
        return float(self.ndcgs.std() / np.sqrt(len(self.ndcgs)))


def temporal(lines: pd.DataFrame, as_of: datetime, horizon_days: int) -> Split:
    """History is every basket that began before `as_of`; the target what its customers buy in baskets begun in [as_of, as_of + horizon).

    `lines`: customer_id, order_id, product_id, ordered_at and any others.
    """
    started = lines.groupby(["customer_id", "order_id"])["ordered_at"].transform("min")
    history = lines[started < as_of]
    wanted = lines[(started >= as_of) & (started < as_of + timedelta(days=horizon_days))]
    return Split(history, _known(wanted[wanted["customer_id"].isin(history["customer_id"])], history))


def last_basket(lines: pd.DataFrame) -> Split:
    """The last basket of every customer with three or more is the target; everything else is history."""
    baskets = lines.groupby(["customer_id", "order_id"])["ordered_at"].min().reset_index()
    baskets = baskets.sort_values(["customer_id", "ordered_at", "order_id"])
    of_customer = baskets.groupby("customer_id")["order_id"]
    is_last = (of_customer.cumcount(ascending=False) == 0) & (of_customer.transform("size") >= LEAST_BASKETS)
    last = pd.MultiIndex.from_frame(baskets.loc[is_last, ["customer_id", "order_id"]])
    is_target = pd.MultiIndex.from_frame(lines[["customer_id", "order_id"]]).isin(last)
    return Split(lines[~is_target], _known(lines[is_target], lines[~is_target]))


def targets(split: Split, mode: str) -> dict[str, set[str]]:
    """By customer, in the order of their ids: the products to be found; who has none to be found in this mode is left out."""
    wanted = split.target if mode == ALL else _never_bought(split.target, split.history)
    return {str(customer): set(products) for customer, products in wanted.groupby("customer_id")["product_id"]}


def lists_by_customer(ranked: pd.DataFrame, split: Split, mode: str) -> dict[str, list[str]]:
    """The lists of a table customer_id, product_id, rank, best first; in NEW without what the customer had bought."""
    ordered = ranked.sort_values(["customer_id", "rank"]).drop_duplicates(PAIR)
    shown = ordered if mode == ALL else _never_bought(ordered, split.history)
    return {str(customer): list(products) for customer, products in shown.groupby("customer_id")["product_id"]}


def found(lists: Mapping[str, Sequence[str]], wanted: Mapping[str, set[str]]) -> Found:
    """recall@10: the share of the target that the first ten hold. NDCG@10: each hit at rank r counts 1 / log2(r + 1), as a share of the most.

    The most is a list that begins with min(10, |target|) hits. Who has no list finds nothing.
    """
    gain = 1.0 / np.log2(np.arange(2, COUNTED + 2))
    recalls, ndcgs = [], []
    for customer, products in wanted.items():
        hits = np.array([product in products for product in lists.get(customer, [])[:COUNTED]], bool)
        recalls.append(hits.sum() / len(products))
        ndcgs.append(gain[: len(hits)][hits].sum() / gain[: len(products)].sum())
    return Found(np.array(recalls), np.array(ndcgs))


def _known(wanted: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    return wanted.loc[wanted["product_id"].isin(history["product_id"]), PAIR].drop_duplicates()


def _never_bought(pairs: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    known = pd.MultiIndex.from_frame(pairs[PAIR]).isin(pd.MultiIndex.from_frame(history[PAIR].drop_duplicates()))
    return pairs.loc[~known]
