"""How much a single amount may count: a typing error of six noughts must not decide what everybody else is worth."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

_SPREADS: Final = 5.0  # of log amounts, above their median
_LEAST_TIMES: Final = 20.0  # ... but at least so many medians, where all amounts are nearly alike
_QUARTILES_APART: Final = 1.349  # a normal distribution's quartiles, in standard deviations


def highest_credible(amounts: ArrayLike) -> float:
    """The amount above which one counts as just this; infinite where no amount is above zero.

    Five standard deviations of the logarithms above their median, with a deviation told by the quartiles, so that outliers
    do not widen it: among a million honest, log-normal amounts none is cut.
    """
    positive = np.asarray(amounts, float)
    positive = positive[np.isfinite(positive) & (positive > 0)]
    if len(positive) == 0:
        return float("inf")
    low, middle, high = np.quantile(np.log(positive), [0.25, 0.5, 0.75])
    return float(np.exp(middle + max(_SPREADS * (high - low) / _QUARTILES_APART, np.log(_LEAST_TIMES))))
