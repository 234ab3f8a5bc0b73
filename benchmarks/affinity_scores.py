"""What a peer gives: scores of every product for some customers. And how lists are made of them, for every peer alike."""

from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.affinity_baskets import Baskets, Floats, Ints

Scores = Callable[[Ints], Floats]
"""Rows of customers -> (customers, products), the higher the better."""
LENGTH: Final = 20
AT_ONCE: Final = 512
TIE_SHARE: Final = 1e-9


def lists(baskets: Baskets, scores: Scores, customers: Ints, *, new_only: bool) -> dict[str, list[str]]:
    """The best LENGTH products of each of these rows of customers; with `new_only` among those alone that they never bought.

    Where a peer says the same of two products, the one in more baskets comes first: no peer wins or loses by the order of ids.
    """
    bought, popularity = baskets.bought(), baskets.popularity(np.inf)
    found = {}
    for start in range(0, len(customers), AT_ONCE):
        rows = customers[start : start + AT_ONCE]
        scored = np.asarray(scores(rows), np.float64)
        scored = scored + TIE_SHARE * np.abs(scored).max(axis=1, keepdims=True, initial=1e-12) * popularity
        if new_only:
            scored[bought[rows].nonzero()] = -np.inf
        for customer, columns in zip(rows.tolist(), _best(scored), strict=True):
            found[str(baskets.customer_ids[customer])] = [str(baskets.product_ids[c]) for c in columns.tolist()]
    return found


def _best(scored: Floats) -> list[Ints]:
    length = min(LENGTH, scored.shape[1])
    first = np.argpartition(-scored, length - 1, axis=1)[:, :length]
    values = np.take_along_axis(scored, first, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    ranked, values = np.take_along_axis(first, order, axis=1), np.take_along_axis(values, order, axis=1)
    return [columns[value > -np.inf] for columns, value in zip(ranked, values, strict=True)]
