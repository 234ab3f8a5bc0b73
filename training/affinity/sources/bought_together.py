"""Bought together: products of the same basket (cosine over baskets). What goes with what the customer bought last."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy.sparse import csr_matrix

from training.affinity.asked import Asked
from training.affinity.sources.neighbourhood import near_arrays, nearest, read_near, spread
from training.affinity.sources.presence import damped
from training.affinity.sources.source import Arrays, Floats32, Material

FADING: Final = 0.7  # of a basket's weight against the one after it: what goes with the last basket counts most
LARGEST: Final = 500  # products of a basket, beyond which it tells nothing of what goes together (a wholesaler's stock-taking)


@dataclass(frozen=True)
class BoughtTogether:
    """`near`: row the product that was bought, column the one that lay in the same baskets."""

    near: csr_matrix
    name: ClassVar[str] = "bought_together"

    def scores(self, asked: Asked) -> Floats32:
        """Summed togetherness with what a customer bought, the newest basket counting most."""
        return spread(asked.pairs.row, asked.pairs.column, asked.shares(per_basket=FADING), self.near, asked.customers)

    def arrays(self) -> Arrays:
        """The neighbours of every product."""
        return near_arrays(self.near)


def fit(material: Material) -> BoughtTogether | None:
    """None where no basket holds two products."""
    table = damped(baskets(material.everybody))
    near = nearest(table, table)
    return BoughtTogether(near) if near.nnz else None


def read(arrays: Arrays) -> BoughtTogether:
    """From `arrays`."""
    return BoughtTogether(read_near(arrays))


def baskets(asked: Asked) -> csr_matrix:
    """1 where a basket holds a product: (baskets, products), in the order of Asked.baskets; baskets of more than 500 products stay empty."""
    basket, product = asked.basket_products
    size = np.bincount(basket, minlength=len(asked.baskets.day))
    small = size[basket] <= LARGEST
    ones = np.ones(int(small.sum()), np.float32)
    return csr_matrix((ones, (basket[small], product[small])), shape=(len(asked.baskets.day), asked.products))
