"""Personal frequency: what the customer bought most, recent baskets counting more; what is popular where that says nothing."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.affinity_baskets import Baskets, Floats, Ints
from benchmarks.affinity_scores import Scores

POPULARITY_SHARE = 1e-6
"""Popularity only parts what is bought equally often, and fills the list."""


@dataclass(frozen=True)
class Setting:
    """Days in which a basket's weight halves, for the customer's own purchases and for popularity; infinite counts all alike."""

    own_half_life_days: float
    popularity_half_life_days: float


GRID = tuple(Setting(own, popular) for own, popular in product((15.0, 60.0, 240.0, np.inf), (7.0, 30.0, 120.0, np.inf)))


def fit(baskets: Baskets, setting: Setting) -> Scores:
    """score(u, i) = sum over u's baskets with i of 2^(-age / half-life), ties parted by popularity."""
    own = baskets.table(0.5 ** (baskets.age_days / setting.own_half_life_days))
    popularity = baskets.popularity(setting.popularity_half_life_days)

    def scores(customers: Ints) -> Floats:
        counted: Floats = own[customers].toarray()
        newest = np.maximum(counted.max(axis=1, keepdims=True), 1e-300)  # a customer's scale says nothing, and may be tiny
        return np.asarray(counted / newest + POPULARITY_SHARE * popularity)

    return scores
