"""What all kinds of popularity are: a table of scores by group of customers, and the order of products in each group, made once."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.affinity.asked import Asked
from training.affinity.history import Ints
from training.affinity.sources.source import Arrays, Floats32


@dataclass(frozen=True)
class TableOfPopularity(ABC):
    """`popular` (groups, products), 0 to 1. Who belongs to which group is for each kind to say."""

    popular: Floats32

    @abstractmethod
    def groups(self, asked: Asked) -> Ints:
        """The group of each customer, -1 for one without."""

    def scores(self, asked: Asked) -> Floats32:
        """The popularity in the customer's group; zeros for one without."""
        group = self.groups(asked)
        if asked.customers == 1 and group[0] >= 0:
            return self.popular[group[0] : group[0] + 1]
        return np.where((group < 0)[:, None], np.float32(0.0), self.popular[group])

    def arrays(self) -> Arrays:
        """The popularity of every product in every group."""
        return {"popular": self.popular}

    @cached_property
    def orders(self) -> list[Ints]:
        """Of each group the columns above 0, most popular first, equals by column."""
        return [_order(row) for row in self.popular]


def decayed_counts(asked: Asked, half_life_days: float) -> NDArray[np.float64]:
    """Purchase days of each product by everybody in `asked`, each counting 2 ** -(age / half-life): (products,)."""
    known = asked.bought.product >= 0
    age = asked.day - asked.bought.day[known]
    return np.bincount(asked.bought.product[known], np.exp2(-age / half_life_days), asked.products).astype(float)


def share_of_most(counts: NDArray[np.float64]) -> Floats32:
    """As a share of the greatest; nothing counted gives zeros."""
    return np.asarray(counts / max(float(counts.max(initial=0.0)), 1e-12), np.float32)


def _order(popular: Floats32) -> Ints:
    order = np.argsort(-popular, kind="stable")
    return order[: np.count_nonzero(popular)].astype(np.int64)
