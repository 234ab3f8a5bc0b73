"""Product similarity: products bought by the same customers (item-item neighbours, cosine; Sarwar and others, 2001).

Customers of many products count less, by the root of their number: who buys everything says little of what goes with what.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from scipy.sparse import csr_matrix

from training.affinity.asked import Asked
from training.affinity.sources.neighbourhood import near_arrays, nearest, read_near, spread
from training.affinity.sources.presence import damped, presence
from training.affinity.sources.source import Arrays, Floats32, Material

FADING: Final = 0.9  # of a basket's weight against the one after it


@dataclass(frozen=True)
class ProductSimilarity:
    """`near`: row the product that was bought, column the one that may follow."""

    near: csr_matrix
    name: ClassVar[str] = "product_similarity"

    def scores(self, asked: Asked) -> Floats32:
        """Summed similarity to what a customer bought, weighted by its share of their baskets."""
        return spread(asked.pairs.row, asked.pairs.column, asked.shares(per_basket=FADING), self.near, asked.customers)

    def arrays(self) -> Arrays:
        """The neighbours of every product."""
        return near_arrays(self.near)


def fit(material: Material) -> ProductSimilarity | None:
    """None where no two products were bought by one customer."""
    table = damped(presence(material.everybody))
    near = nearest(table, table)
    return ProductSimilarity(near) if near.nnz else None


def read(arrays: Arrays) -> ProductSimilarity:
    """From `arrays`."""
    return ProductSimilarity(read_near(arrays))
