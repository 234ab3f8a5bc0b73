"""Bought next: products of the basket after one that held another product. Repurchases and sequels; a product may follow itself."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy.sparse import csr_matrix

from training.affinity.asked import Asked
from training.affinity.sources.bought_together import baskets
from training.affinity.sources.neighbourhood import near_arrays, nearest, read_near, spread
from training.affinity.sources.presence import damped
from training.affinity.sources.source import Arrays, Floats32, Material

FADING: Final = 0.7  # of a basket's weight against the one after it


@dataclass(frozen=True)
class BoughtNext:
    """`near`: row the product of one basket, column that of the customer's next basket."""

    near: csr_matrix
    name: ClassVar[str] = "bought_next"

    def scores(self, asked: Asked) -> Floats32:
        """Summed sequence with what a customer bought, the newest basket counting most."""
        return spread(asked.pairs.row, asked.pairs.column, asked.shares(per_basket=FADING), self.near, asked.customers)

    def arrays(self) -> Arrays:
        """The followers of every product."""
        return near_arrays(self.near)


def fit(material: Material) -> BoughtNext | None:
    """None where no customer has two baskets."""
    table = damped(baskets(material.everybody))
    earlier = np.flatnonzero(material.everybody.baskets.back > 0)
    near = nearest(csr_matrix(table[earlier]), csr_matrix(table[earlier + 1]), to_itself=True)
    return BoughtNext(near) if near.nnz else None


def read(arrays: Arrays) -> BoughtNext:
    """From `arrays`."""
    return BoughtNext(read_near(arrays))
