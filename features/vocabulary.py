"""The few operations that finalise features, written once for both executors: Ibis columns in batch, Python floats online.

A missing value is NULL in Ibis and NaN online, and stays missing through every operation. Sums and products are the plain operators.
"""

import math
from typing import Any

from features.instants import DAY_US


def ratio(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator; missing where the denominator is zero."""
    if isinstance(denominator, float):
        return numerator / denominator if denominator else math.nan
    return numerator / denominator.nullif(0.0)


def difference_days(later_us: Any, earlier_us: Any) -> Any:
    """Days between two instants in whole microseconds."""
    if isinstance(later_us, float) or isinstance(earlier_us, float):
        return (later_us - earlier_us) / DAY_US
    return (later_us - earlier_us).cast("float64") / DAY_US


def root(value: Any) -> Any:
    """Square root, of zero where rounding made the value negative."""
    if isinstance(value, float):
        return math.nan if math.isnan(value) else math.sqrt(max(value, 0.0))
    return (value > 0).ifelse(value, 0.0 * value).sqrt()
