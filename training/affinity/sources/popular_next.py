"""Popular at this point: what customers buy in their first, second, third to fifth, and later baskets. A segment that every shop has."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.asked import Asked
from training.affinity.history import Ints
from training.affinity.sources.source import Arrays, Floats32, Material
from training.affinity.sources.table_of_popularity import TableOfPopularity, share_of_most

STEPS: Final = (0, 1, 2, 5)  # baskets before: none, one, two to four, five and more


@dataclass(frozen=True)
class PopularNext(TableOfPopularity):
    """One group for each of STEPS: what lies in baskets that have so many before them."""

    name: ClassVar[str] = "popular_next"

    def groups(self, asked: Asked) -> Ints:
        """The point where the customer's next basket will be."""
        return _step(asked.baskets.number)


def fit(material: Material) -> PopularNext:
    """Purchases count 2 ** -(age / half-life of popularity)."""
    asked = material.everybody
    basket, product = asked.basket_products
    before = (asked.baskets.number[asked.baskets.customer] - 1 - asked.baskets.back)[basket]
    age = asked.day - asked.baskets.day[basket]
    weight = np.exp2(-age / material.half_lives.popularity_days)
    return PopularNext(np.stack([_at(step, before, product, weight, asked.products) for step in range(len(STEPS))]))


def read(arrays: Arrays) -> PopularNext:
    """From `arrays`."""
    return PopularNext(arrays["popular"])


def _at(step: int, before: Ints, product: Ints, weight: NDArray[np.float64], products: int) -> Floats32:
    mine = _step(before) == step
    return share_of_most(np.bincount(product[mine], weight[mine], products).astype(float))


def _step(before: Ints) -> Ints:
    return np.searchsorted(STEPS, before, side="right").astype(np.int64) - 1
