"""Popularity: what many customers bought lately. The tie-break, the filling of short lists, and the answer for strangers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from training.affinity.asked import Asked
from training.affinity.sources.source import Arrays, Floats32, Material


@dataclass(frozen=True)
class Popularity:
    """The same for everybody: (products,), 0 to 1."""

    popular: Floats32
    name: ClassVar[str] = "popularity"

    def scores(self, asked: Asked) -> Floats32:
        """Purchases per product, as a share of the most popular one's."""
        return np.broadcast_to(self.popular, (asked.customers, asked.products))

    def arrays(self) -> Arrays:
        """The popularity of every product."""
        return {"popular": self.popular}


def fit(material: Material) -> Popularity:
    """Purchases count 2 ** -(age / half-life)."""
    return Popularity(share_of_most(decayed_counts(material.everybody, material.half_lives.popularity_days)))


def read(arrays: Arrays) -> Popularity:
    """From `arrays`."""
    return Popularity(arrays["popular"])


def decayed_counts(asked: Asked, half_life_days: float) -> NDArray[np.float64]:
    """Purchase days of each product by everybody in `asked`, each counting 2 ** -(age / half-life): (products,)."""
    known = asked.bought.product >= 0
    age = asked.day - asked.bought.day[known]
    return np.bincount(asked.bought.product[known], np.exp2(-age / half_life_days), asked.products).astype(float)


def share_of_most(counts: NDArray[np.float64]) -> Floats32:
    """As a share of the greatest; nothing counted gives zeros."""
    return np.asarray(counts / max(float(counts.max(initial=0.0)), 1e-12), np.float32)
