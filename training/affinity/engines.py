"""Factors learned on an engine for more than one machine, that is handed in: nothing here knows which one it is."""

from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.affinity.sources.factors import CONFIDENCE, FACTORS, ITERATIONS, LEAST_SIDE, REGULARIZATION, Factoriser, Factors


class ProductFactors(Protocol):
    """Rows of customer, product and weight to product factors (products, factors): features.spark.factorisation, on an engine."""

    def __call__(
        self,
        rows: pa.Table,
        *,
        products: int,
        factors: int,
        regularization: float,
        confidence: float,
        iterations: int,
        seed: int,
    ) -> NDArray[np.float32]:
        """One row per pair that was bought, its weight above 0."""


def factoriser(product_factors: ProductFactors) -> Factoriser:
    """A factoriser that has the factors learned elsewhere, with the settings of training.affinity.sources.factors."""

    def factorised(frequency: csr_matrix, rng: np.random.Generator) -> Factors | None:
        if min(frequency.shape) < LEAST_SIDE:
            return None
        pairs = frequency.tocoo()
        kept = pairs.data > 0
        rows = {"customer": pairs.row, "product": pairs.col, "weight": pairs.data.astype(np.float32)}
        vectors = product_factors(
            pa.table({name: pa.array(values[kept]) for name, values in rows.items()}),
            products=frequency.shape[1],
            factors=min(FACTORS, min(frequency.shape) - 1),
            regularization=REGULARIZATION,
            confidence=CONFIDENCE,
            iterations=ITERATIONS,
            seed=int(rng.integers(2**31)),
        )
        return Factors(np.ascontiguousarray(vectors, np.float32))

    return factorised
