"""Personal frequency, blend and ranker side by side, for everybody and by how much is known of a customer."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.instants import DAY_US
from training.affinity.backtest import Backtest
from training.affinity.exams import Exam
from training.affinity.history import History, Ints
from training.affinity.orders import PLAIN
from training.affinity.sheets import AT, NEW
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
    """earlier baskets, customers, NDCG@10 of every way, and of the chosen one less the plain one with its standard error; by group, everybody last.

    `baskets` is each asked customer's number of purchase days before the cut. Groups of nobody are left out; one of a single customer has no error.
    """
    edges = np.asarray([least for least, _ in GROUPS])
    group = np.searchsorted(edges, baskets, side="right") - 1
    members = {name: group == at for at, (_, name) in enumerate(GROUPS)} | {"any number": np.ones(len(group), bool)}
    return pd.DataFrame([_group_row(tried, mode, name, mine) for name, mine in members.items() if mine.any()])


def _group_row(tried: Backtest, mode: str, name: str, mine: NDArray[np.bool_]) -> dict[str, object]:
    wanted = tried.sheets[mode].wanted[mine]
    ndcg = {way: ndcg_at(hits[mine], wanted, AT) for way, hits in tried.hits[mode].items()}
    ahead = ndcg[tried.orders.ways[mode]] - ndcg[PLAIN]
    error = float(ahead.std(ddof=1) / np.sqrt(len(ahead))) if len(ahead) > 1 else float("nan")
    means = {way_name(way, mode): float(values.mean()) for way, values in ndcg.items()}
    return {"earlier baskets": name, "customers": len(ahead), **means, "ahead": float(ahead.mean()), "its error": error}


def baskets_before(history: History, exam: Exam) -> Ints:
    """How many days each customer of the exam had bought on before its cut."""
    b = history.before(exam.cut).bought
    days = np.unique(np.column_stack([b.customer, b.at // DAY_US]), axis=0)
    return np.bincount(days[:, 0], minlength=len(history.customer_ids))[exam.customers]
