"""The few operations that finalise features, written once for both executors: Ibis columns in batch, Python floats online.

A missing value is NULL in Ibis and NaN online, and stays missing through every operation. Sums and products are the plain operators.
"""

import math
from typing import Any, Final

from features.instants import DAY_US

YEAR_US: Final = 365.2425 * DAY_US


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


def beyond_rounding(difference: Any, whole: Any) -> Any:
    """A difference of two sums about as large as `whole`; zero where it is under a millionth of that, and mostly rounding."""
    if isinstance(difference, float):
        return 0.0 * whole if difference < 1e-6 * whole else difference
    return (difference < 1e-6 * whole).ifelse(0.0 * whole, difference)


def logarithm(value: Any) -> Any:
    """Natural logarithm; missing where the value is not above zero."""
    if isinstance(value, float):
        return math.log(value) if value > 0 else math.nan
    return (value > 0).ifelse(value, value.nullif(value)).ln()


def at_least(value: Any, floor: float) -> Any:
    """The value, or `floor` where it is below that."""
    if isinstance(value, float):
        return value if value >= floor or math.isnan(value) else floor
    return (value < floor).ifelse(floor, value)


def year_angle(instant_us: Any) -> Any:
    """The place of an instant in the (mean Gregorian) year, in radians: one turn a year. Also of a NumPy array."""
    part = instant_us if isinstance(instant_us, float) else _float(instant_us)
    return part * (2.0 * math.pi / YEAR_US)


def cosine(angle: Any) -> Any:
    """Cosine of an angle in radians."""
    return math.cos(angle) if isinstance(angle, float) else angle.cos()


def sine(angle: Any) -> Any:
    """Sine of an angle in radians."""
    return math.sin(angle) if isinstance(angle, float) else angle.sin()


def _float(value: Any) -> Any:
    return value.cast("float64") if hasattr(value, "cast") else value.astype(float)
