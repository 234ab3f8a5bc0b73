"""A list that is good and not all of one kind: greedy choice by maximal marginal relevance.

Carbonell and Goldstein (1998), The use of MMR, diversity-based reranking for reordering documents and producing summaries: the next one is
argmax over the candidates D that are left of  lambda * Sim1(D) - (1 - lambda) * max over the chosen S of Sim2(D, S),
with Sim1 the relevance, Sim2 the likeness, and lambda = 1 - diversity.
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from decisions.merchandising.product_range import UNLISTED, Ints, ProductRange

Floats32 = NDArray[np.float32]

LEAST: Final = 0.1
SAME_BRAND: Final = 0.5


def relevance(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores, best first, as relevance: 1 for the best, 0.1 for the last, in proportion between them; 1 for all where all are equal.

    Scores rank and may be negative, so a factor on them would mean nothing; on relevance it does: ten times lifts the last to the best.
    A score above the one before it counts as equal to it: the order that is given holds.
    """
    falling = np.minimum.accumulate(scores)
    spread = falling[0] - falling[-1] if len(falling) else 0.0
    if spread <= 0.0:
        return np.ones(len(falling))
    found: NDArray[np.float64] = LEAST + (1.0 - LEAST) * (falling - falling[-1]) / spread
    return found


def likeness_by_kind(products: ProductRange, rows: Ints) -> Floats32:
    """(n, n): 1 for products of the same category, 0.5 for those of the same brand alone, else 0; with itself 1."""
    category, brand = products.category[rows], products.brand[rows]
    same_brand = (brand[:, None] == brand) & (brand != UNLISTED)
    same_category = (category[:, None] == category) & (category != UNLISTED)
    found = np.where(same_category, 1.0, np.where(same_brand, SAME_BRAND, 0.0)).astype(np.float32)
    np.fill_diagonal(found, 1.0)
    return found


class Order(Protocol):
    """Candidates, to be taken one by one."""

    def best_left(self) -> int | None:
        """The best of those that were not taken yet, and takes it; None where none is left."""

    def choose(self, candidate: int) -> None:
        """This one, which was taken, stands in the list."""


class ByRelevance:
    """By falling relevance, the earlier first where it is equal."""

    def __init__(self, relevant: NDArray[np.float64]) -> None:
        self._order = iter(np.argsort(-relevant, kind="stable").tolist())

    def best_left(self) -> int | None:
        """The most relevant one that is left."""
        return next(self._order, None)

    def choose(self, candidate: int) -> None:
        """Changes nothing for the others."""


class ByMarginalRelevance:
    """By relevance less likeness to what stands in the list already, the earlier first where that is equal.

    `likeness` is that of the candidates with each other, `beside` has a row for each product that stands in the list from the beginning.
    """

    def __init__(self, relevant: NDArray[np.float64], likeness: Floats32, diversity: float, beside: Floats32) -> None:
        highest = max(float(relevant.max(initial=1.0)), 1.0)  # boosts may lift above 1, where likeness ends
        self._worth = (1.0 - diversity) * relevant / highest
        self._likeness, self._diversity = likeness, diversity
        self._nearest = beside.max(axis=0, initial=0.0).astype(np.float32)
        self._value = np.empty(len(relevant))
        self._left = len(relevant)

    def best_left(self) -> int | None:
        """The one with the greatest marginal relevance."""
        if self._left == 0:
            return None
        np.multiply(self._nearest, -self._diversity, out=self._value)
        self._value += self._worth
        best = int(self._value.argmax())
        self._worth[best] = -np.inf
        self._left -= 1
        return best

    def choose(self, candidate: int) -> None:
        """What is like this one is worth less from now on."""
        np.maximum(self._nearest, self._likeness[candidate], out=self._nearest)
