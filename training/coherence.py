"""Two models about one customer must not contradict each other."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def coherent_orders(expected_orders: ArrayLike, churn_probability: ArrayLike) -> NDArray[np.float64]:
    """Expected orders, at least the probability of any: E[N] >= P(N >= 1) = 1 - churn probability. A missing value stays missing."""
    chance = 1.0 - np.asarray(churn_probability, dtype=np.float64)
    return np.maximum(np.asarray(expected_orders, dtype=np.float64), chance)
