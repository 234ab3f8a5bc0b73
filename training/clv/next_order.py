"""When the next order is to be expected, given that it comes within a horizon."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.clv.bg_nbd import BGNBD

Floats = NDArray[np.float64]


def days_to_next_order(model: BGNBD, x: ArrayLike, T: ArrayLike, t: float, *, share: float) -> Floats:
    """Days by which a `share` of those who buy again within t will have done so; a share of one half gives the median.

    While alive the silence S(s) = ((alpha + T) / (alpha + T + s))^(r + x), and nobody leaves in between; s solves
    1 - S(s) = share (1 - S(t)). The median lies between 0 and t / 2, since early is likelier than late.
    """
    x, T = np.asarray(x, float), np.asarray(T, float)
    shape, rate = model.r + x, model.alpha + T
    silent = (rate / (rate + t)) ** shape
    wanted = 1.0 - share * (1.0 - silent)
    return np.asarray(rate * (wanted ** (-1.0 / shape) - 1.0))
