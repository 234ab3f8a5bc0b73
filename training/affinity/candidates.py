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
MOST: Final = 120  # candidates of a customer
K: Final = 5.0
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """(row, column) of every candidate, by row and then by column; `ranks` (candidates, sources) holds 1 / (K + rank), 0 where not found."""

    row: Ints
    column: Ints
    ranks: Floats32


def candidates(said: Sequence[Floats32], *, blocked: Mask | None = None, depth: int = DEPTH, most: int = MOST) -> Candidates:
    """The candidates of all customers; `said` holds each source's scores, (customers, products).

    `blocked`, (customers, products) or (1, products), marks what may not be named. Nothing is repeated; who has nothing has no rows.
    """
    found = [
        _of_one([scores[row] for scores in said], None if blocked is None else blocked[row % len(blocked)], depth, most)
        for row in range(len(said[0]))
    ]
    lengths = [len(columns) for columns, _ in found]
    row = np.repeat(np.arange(len(found)), lengths)
    return Candidates(row, np.concatenate([c for c, _ in found]), np.concatenate([r for _, r in found]))


def first(scores: Floats32, depth: int) -> Ints:
    """The `depth` columns with the greatest scores above 0, best first, equals in the order of columns."""
    found = np.flatnonzero(scores)
    values = scores[found]
    if len(found) > depth:
        least = np.partition(values, len(found) - depth)[len(found) - depth]
        sure, even = found[values > least], found[values == least]
        found = np.concatenate([sure, even[: depth - len(sure)]])
        values = scores[found]
    return found[np.lexsort((found, -values))]


def _of_one(said: Sequence[Floats32], blocked: Mask | None, depth: int, most: int) -> tuple[Ints, Floats32]:
    open_ = said if blocked is None else [np.where(blocked, np.float32(0.0), scores) for scores in said]
    tops = [first(scores, depth) for scores in open_]
    columns, place = np.unique(np.concatenate(tops), return_inverse=True)
    ranks = np.zeros((len(columns), len(said)), np.float32)
    source = np.repeat(np.arange(len(tops)), [len(top) for top in tops])
    ranks[place, source] = np.concatenate([_WORTH[: len(top)] for top in tops])
    if len(columns) > most:
        kept = np.sort(np.lexsort((columns, -ranks.sum(axis=1)))[:most])
        columns, ranks = columns[kept], ranks[kept]
    return columns, ranks


_WORTH: Final = (1.0 / (K + np.arange(1000))).astype(np.float32)
