"""The best n of many scores, with ties broken the same way everywhere: columns stand most popular first, and the more popular wins."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

STEP: Final = 1e-6  # scores closer than this are equal: sums in another order must not change a list
BLOCKED: Final = -1


def keys(scores: NDArray[np.float32], columns: NDArray[np.int64], products: int) -> NDArray[np.int64]:
    """Whole numbers that order scores (not negative) and, where they are equal, columns; all different within a row."""
    steps = np.rint(scores.astype(np.float64) / STEP).astype(np.int64)
    return np.asarray(steps * products + (products - 1 - columns), np.int64)


def best(ranked: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Positions of the n highest keys of every row, best first: (rows, min(n, columns)); blocked ones, if any are left, come last."""
    n = min(n, ranked.shape[1])
    if n == 0:
        return np.zeros((len(ranked), 0), np.int64)
    chosen = np.argpartition(ranked, ranked.shape[1] - n, axis=1)[:, ranked.shape[1] - n :]
    order = np.argsort(-np.take_along_axis(ranked, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)
