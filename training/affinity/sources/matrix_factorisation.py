"""Matrix factorisation: products whose factors fit those folded in from a customer's own purchases (training.affinity.sources.factors)."""

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final

import numpy as np
from scipy.sparse import csr_matrix

from training.affinity.asked import Asked
from training.affinity.product_index import ProductIndex, build_index
from training.affinity.sources.factors import Factors, factorise
from training.affinity.sources.source import Arrays, Floats32, Material

INDEXED_FROM: Final = 20_000  # products, above which the best are looked up and the others get nothing
DEPTH: Final = 200
HALF_LIFE_GAPS: Final = 4.0
QUERIES: Final = 2_000


@dataclass(frozen=True)
class MatrixFactorisation:
    """Factors of every product; `half_life_days` of the purchases that customers are folded in from; `index` for large ranges."""

    factors: Factors
    half_life_days: float
    index: ProductIndex | None = field(default=None, compare=False)
    name: ClassVar[str] = "matrix_factorisation"

    def scores(self, asked: Asked) -> Floats32:
        """The expected preference x_u' y_i, negative ones as 0; no purchases give zeros. With an index, the best 200 products alone."""
        pairs, share = asked.pairs, asked.shares(self.half_life_days)
        begin = np.searchsorted(pairs.row, np.arange(asked.customers + 1))
        said = np.zeros((asked.customers, asked.products), np.float32)
        for row in np.flatnonzero(np.diff(begin)):  # one after the other: the same arithmetic for one customer and for many
            own = slice(begin[row], begin[row + 1])
            factors = self.factors.fold_in(pairs.column[own], share[own])
            if self.index is None:
                np.maximum(self.factors.products @ factors, 0.0, out=said[row])
            else:
                found = self.index.top_of_one(factors, DEPTH)
                said[row, found.columns] = np.maximum(found.scores, 0.0)
        return said

    def arrays(self) -> Arrays:
        """Product factors, and the half-life in days."""
        return {"products": self.factors.products, "half_life_days": np.asarray(self.half_life_days)}


def fit(material: Material) -> MatrixFactorisation | None:
    """None where there are fewer than three customers or products. `material.factorise` may learn the factors elsewhere (on Spark)."""
    half_life = HALF_LIFE_GAPS * material.gap_days
    table = frequency(material.everybody, half_life)
    learn = material.factorise or partial(factorise, threads=material.threads)
    factors = learn(table, np.random.default_rng(material.seed))
    if factors is None:
        return None
    return MatrixFactorisation(factors, half_life, _index(factors, table, material) if table.shape[1] > INDEXED_FROM else None)


def read(arrays: Arrays) -> MatrixFactorisation:
    """From `arrays`, without an index."""
    return MatrixFactorisation(Factors(arrays["products"]), float(arrays["half_life_days"]))


def frequency(asked: Asked, half_life_days: float) -> csr_matrix:
    """Asked.shares as a table: (customers, products)."""
    pairs = asked.pairs
    return csr_matrix((asked.shares(half_life_days), (pairs.row, pairs.column)), shape=(asked.customers, asked.products))


def _index(factors: Factors, table: csr_matrix, material: Material) -> ProductIndex:
    rows = np.random.default_rng(material.seed).permutation(table.shape[0])[:QUERIES]
    own = [
        (table.indices[table.indptr[row] : table.indptr[row + 1]].astype(np.int64), table.data[table.indptr[row] : table.indptr[row + 1]])
        for row in rows
    ]
    queries = np.stack([factors.fold_in(columns, share) for columns, share in own])
    return build_index(factors.products, queries, threads=material.threads, seed=material.seed)
