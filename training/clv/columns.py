"""From the product's feature names to the papers' symbols, in days."""

import numpy as np
from numpy.typing import NDArray

from training.matrix import Features, column

Floats = NDArray[np.float64]


def recency_frequency_time(features: Features) -> tuple[Floats, Floats, Floats]:
    """x (repeat purchase days), t_x (first to last purchase day) and T (first purchase day to as_of), in days.

    Who never bought has x = t_x = T = 0, like a customer of today. T is never below t_x.
    """
    x = np.maximum(np.nan_to_num(column(features, "repeat_day_count")), 0.0)
    t_x = np.nan_to_num(column(features, "recency_days"))
    T = np.ceil(np.nan_to_num(column(features, "customer_age_days")))
    return x, t_x, np.maximum(T, t_x)
