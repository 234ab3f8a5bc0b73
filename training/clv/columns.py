"""From the product's feature names to the papers' symbols, in days."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def recency_frequency_time(features: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """x (repeat purchase days), t_x (first to last purchase day) and T (first purchase day to as_of), in days.

    Who never bought has x = t_x = T = 0, like a customer of today. T is never below t_x.
    """
    x = np.maximum(np.nan_to_num(features["repeat_day_count"].to_numpy(float)), 0.0)
    t_x = np.nan_to_num(features["recency_days"].to_numpy(float))
    T = np.ceil(np.nan_to_num(features["customer_age_days"].to_numpy(float)))
    return x, t_x, np.maximum(T, t_x)
