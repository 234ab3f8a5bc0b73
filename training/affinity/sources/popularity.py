"""Popularity: what many customers bought lately. The tie-break, the filling of short lists, and the answer for strangers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.affinity.asked import Asked
from training.affinity.history import Ints
from training.affinity.sources.source import Arrays, Material
from training.affinity.sources.table_of_popularity import TableOfPopularity, decayed_counts, share_of_most


@dataclass(frozen=True)
class Popularity(TableOfPopularity):
    """Purchases per product as a share of the most popular one's: one group, the same for everybody."""

    name: ClassVar[str] = "popularity"

    def groups(self, asked: Asked) -> Ints:
        """All are of one group."""
        return np.zeros(asked.customers, np.int64)


def fit(material: Material) -> Popularity:
    """Purchases count 2 ** -(age / half-life)."""
    return Popularity(share_of_most(decayed_counts(material.everybody, material.half_lives.popularity_days))[None, :])


def read(arrays: Arrays) -> Popularity:
    """From `arrays`."""
    return Popularity(arrays["popular"])
