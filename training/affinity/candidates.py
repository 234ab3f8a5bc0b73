"""Candidates: the first products of every source for a customer, fused by their ranks; the best hundred or so go on to the ranker.

Reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009): a product's worth is the sum over sources of 1 / (K + its rank there).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.history import Ints
from training.affinity.sources.source import Floats32

DEPTH: Final = 60  # products taken from each source
MOST: Final = 100  # candidates of a customer
K: Final = 5.0
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """(row, column) of every candidate, by row and then by column; `ranks` (candidates, sources) holds 1 / (K + rank), 0 where not found."""

    row: Ints
    column: Ints
    ranks: Floats32


def candidates(
    said: Sequence[Floats32],
    *,
    orders: Sequence[Sequence[Ints] | None] | None = None,
    blocked: Mask | None = None,
    depth: int = DEPTH,
    most: int = MOST,
) -> Candidates:
    """The candidates of all customers; `said` holds each source's scores, (customers, products).

    `orders` has, for sources that know it beforehand, each customer's products in order. `blocked`, (customers, products) or (1, products),
    marks what may not be named. Nothing is repeated; who has nothing has no rows.
    """
    ready = orders or [None] * len(said)
    found = [
        _of_one(_tops(said, ready, row, None if blocked is None else ~blocked[row % len(blocked)], depth), most)
        for row in range(len(said[0]))
    ]
    row = np.repeat(np.arange(len(found)), [len(columns) for columns, _ in found])
    return Candidates(row, np.concatenate([c for c, _ in found]), np.concatenate([r for _, r in found]))


def first(scores: Floats32, depth: int, allowed: Mask | None = None) -> Ints:
    """The `depth` columns with the greatest scores above 0, of those `allowed`, best first, equals in the order of columns."""
    named = scores > 0 if allowed is None else (scores > 0) & allowed
    found = np.flatnonzero(named)  # of booleans, which takes a fifth of the time
    if depth < 1:
        return found[:0]
    values = scores[found]
    if len(found) > depth:
        kept = values >= np.partition(values, len(found) - depth)[len(found) - depth]
        found, values = found[kept], values[kept]
    return found[np.argsort(-values, kind="stable")[:depth]]


def _tops(said: Sequence[Floats32], ready: Sequence[Sequence[Ints] | None], row: int, allowed: Mask | None, depth: int) -> list[Ints]:
    """Each source's first products."""
    return [
        first(scores[row], depth, allowed) if orders is None else _first_allowed(orders[row], allowed, depth)
        for scores, orders in zip(said, ready, strict=True)
    ]


def _first_allowed(order: Ints, allowed: Mask | None, depth: int) -> Ints:
    if allowed is None:
        return order[:depth]
    head = order[: 4 * depth]
    found = head[allowed[head]][:depth]
    return found if len(found) == depth or len(head) == len(order) else order[allowed[order]][:depth]


def _of_one(tops: Sequence[Ints], most: int) -> tuple[Ints, Floats32]:
    columns, place = np.unique(np.concatenate(tops), return_inverse=True)
    ranks = np.zeros((len(columns), len(tops)), np.float32)
    lengths = [len(top) for top in tops]
    worth = 1.0 / (K + np.arange(max(lengths)))
    ranks[place, np.repeat(np.arange(len(tops)), lengths)] = np.concatenate([worth[:length] for length in lengths])
    if len(columns) > most:
        kept = np.sort(np.lexsort((columns, -ranks.sum(axis=1)))[:most])
        columns, ranks = columns[kept], ranks[kept]
    return columns, ranks
