"""Popularity: what many customers bought lately. The tie-break, the filling of short lists, and the answer for strangers."""

import numpy as np
from numpy.typing import NDArray

from training.affinity.history import Ints


def popularity(product: Ints, day: Ints, as_of_day: int, half_life_days: float, *, products: int) -> NDArray[np.float64]:
    """Purchases per product, each counting 2 ** -(age / half-life), as a share of the most popular one's: (products,), 0 to 1.

    One entry of `product` and `day` per customer, product and day. Nothing bought gives zeros.
    """
    counts = np.bincount(product, np.exp2(-(as_of_day - day) / half_life_days), products)
    most = counts.max(initial=0.0)
    return np.asarray(counts / most if most > 0.0 else counts, float)


def most_popular_first(popular: NDArray[np.float64], counts: Ints) -> Ints:
    """Product codes, most popular first; equals by how often they were ever bought, then by code. Products never bought are left out."""
    order = np.lexsort((np.arange(len(popular)), -counts, -popular))
    return np.asarray(order[counts[order] > 0], np.int64)
