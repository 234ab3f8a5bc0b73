"""Personal frequency, blend and ranker side by side, for everybody and by how much is known of a customer."""

from typing import Final

import numpy as np
import pandas as pd

from training.affinity.backtest import Backtest
from training.affinity.history import History, Ints
from training.affinity.orders import PLAIN
from training.affinity.recall import asked_of, columns_of
from training.affinity.sheets import ALL, AT, NEW
from training.evaluation.ranking import ndcg_at, summary

GROUPS: Final = ((1, "1"), (2, "2 to 3"), (4, "4 to 9"), (10, "10 and more"))
"""The least number of earlier baskets, and the group's name."""


def way_name(way: str, mode: str) -> str:
    """What a way is called; in mode `new` personal frequency has nothing to say, and what is left of it is popularity."""
    return "popularity" if way == PLAIN and mode == NEW else way.replace("_", " ")


def ways_table(tried: Backtest, mode: str) -> pd.DataFrame:
    """way, NDCG@10 and its standard error, recall and hit rate at 10, whether it was chosen: one row per way.

    Measures as training.evaluation.ranking has them, means over the customers who bought something in this mode.
    """
    rows = []
    for way, hits in tried.hits[mode].items():
        told = summary(hits, tried.sheets[mode].wanted, AT)
        rows.append(
            {
                "way": way_name(way, mode),
                f"NDCG@{AT}": told[f"ndcg_at_{AT}"],
                "standard error": told[f"ndcg_at_{AT}_standard_error"],
                f"recall at {AT}, %": 100.0 * told[f"recall_at_{AT}"],
                f"hit rate at {AT}, %": 100.0 * told[f"hit_rate_at_{AT}"],
                "customers": int(told["customers"]),
                "chosen": "yes" if tried.orders.ways[mode] == way else "no",
            }
        )
    return pd.DataFrame(rows)


def groups_table(tried: Backtest, mode: str, baskets: Ints) -> pd.DataFrame:
    """earlier baskets, customers, NDCG@10 of every way, and of the chosen one less the plain one with its standard error; by group.

    `baskets` is each asked customer's number of purchase days before the cut. Groups of nobody are left out; one of a single customer has no error.
    """
    wanted, chosen = tried.sheets[mode].wanted, tried.orders.ways[mode]
    ndcg = {way: ndcg_at(hits, wanted, AT) for way, hits in tried.hits[mode].items()}
    edges = np.asarray([least for least, _ in GROUPS])
    group = np.searchsorted(edges, baskets, side="right") - 1
    rows = []
    for at, (_, name) in enumerate(GROUPS):
        mine = group == at
        if not mine.any():
            continue
        ahead = ndcg[chosen][mine] - ndcg[PLAIN][mine]
        error = float(ahead.std(ddof=1) / np.sqrt(len(ahead))) if len(ahead) > 1 else float("nan")
        means = {way_name(way, mode): float(values[mine].mean()) for way, values in ndcg.items()}
        rows.append({"earlier baskets": name, "customers": int(mine.sum()), **means, "ahead": float(ahead.mean()), "its error": error})
    return pd.DataFrame(rows)


def baskets_before(tried: Backtest, history: History, mode: str) -> Ints:
    """How many days each customer asked in this mode had bought on before the cut."""
    assert tried.recall is not None  # noqa: S101 - a backtest that asked somebody has one
    exam, shop = tried.asked[mode], tried.recall.range
    asked = asked_of(history.before(exam.cut), exam.day, columns_of(shop, history), exam.customers, products=len(shop.product_ids))
    return asked.baskets.number


ORDER: Final = (ALL, NEW)
