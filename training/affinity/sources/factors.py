"""Factors of products: matrix factorisation of implicit feedback by alternating least squares (Hu, Koren and Volinsky, 2008), with implicit.

Only product factors are kept: a customer's factors are folded in from their own history, in bulk as for one. A model so knows nobody,
and whoever is erased from the tables is not in it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

FACTORS: Final = 64
REGULARIZATION: Final = 1.0
CONFIDENCE: Final = 5.0
ITERATIONS: Final = 15
LEAST_SIDE: Final = 3  # products and customers below which there is nothing to factorise

Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Factors:
    """Product factors: (products, factors)."""

    products: Floats32

    def fold_in(self, columns: Ints, frequency: NDArray[np.float64]) -> Floats32:
        """x_u = (Y'C_u Y + lambda I)^-1 Y'C_u p_u: the factors of one customer who bought these products with this personal frequency.

        No purchases give zeros.
        """
        own = self.products[columns].astype(float)
        confidence = CONFIDENCE * frequency
        normal = self._gram + own.T @ (own * confidence[:, None])
        return np.asarray(np.linalg.solve(normal, own.T @ (1.0 + confidence)), np.float32)

    @cached_property
    def _gram(self) -> NDArray[np.float64]:
        products = self.products.astype(float)
        return np.asarray(products.T @ products + REGULARIZATION * np.eye(products.shape[1]), float)


Factoriser = Callable[[csr_matrix, np.random.Generator], Factors | None]
"""Learns factors from a customer x product table of personal frequency; None where there is too little."""


def factorise(frequency: csr_matrix, rng: np.random.Generator, *, threads: int) -> Factors | None:
    """Factors of the customer x product table; None where it has fewer than three customers or products."""
    if min(frequency.shape) < LEAST_SIDE:
        return None
    solver = _solver(min(FACTORS, min(frequency.shape) - 1), threads=threads, seed=int(rng.integers(2**31)))
    with threadpool_limits(1, "blas"):  # implicit has its own threads; BLAS threads below them cost twenty times the work
        solver.fit(confidence(frequency), show_progress=False)
    return Factors(np.ascontiguousarray(solver.item_factors, np.float32))


def confidence(frequency: csr_matrix) -> csr_matrix:
    """C = 1 + alpha r, where r is the personal frequency."""
    weighted = frequency.astype(np.float32)
    weighted.data = 1.0 + np.float32(CONFIDENCE) * weighted.data
    return weighted


def _solver(factors: int, *, threads: int, seed: int) -> Any:
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    with threadpool_limits(
        1, "blas"
    ):  # of all that the import brought; else implicit warns of the machine's setting, which is not ours to change
        return AlternatingLeastSquares(
            factors=factors,
            regularization=REGULARIZATION,
            alpha=1.0,
            iterations=ITERATIONS,
            calculate_training_loss=False,
            num_threads=threads,
            random_state=seed,
        )
