"""Orders over a year, discounted, as a multiple of the orders within a horizon."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
YEAR_DAYS: Final = 365.0
YEARLY_DISCOUNT: Final = 0.10
_STEPS: Final = 12


class BuyTillYouDie(Protocol):
    """A fitted model of when customers buy."""

    def expected_purchases(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """E[purchases in (T, T + t] | x, t_x, T]."""
        ...

    def purchases_by(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, times: Sequence[float]) -> Floats:
        """The same for several t at once (customer x time)."""
        ...


def year_multiple(model: BuyTillYouDie, x: Floats, t_x: Floats, T: Floats, horizon_days: float) -> Floats:
    """Discounted expected orders of the next 365 days over expected orders of the next `horizon_days`.

    Orders are discounted at 10 % a year, by twelfths of the year, each at its middle. Where next to nothing is expected at all, the
    multiple is that of a steady customer.
    """
    edges = np.linspace(0.0, YEAR_DAYS, _STEPS + 1)
    found = model.purchases_by(x, t_x, T, (*edges[1:].tolist(), horizon_days))
    cumulated, within = np.column_stack([np.zeros(len(x)), found[:, :-1]]), found[:, -1]
    factors = (1.0 + YEARLY_DISCOUNT) ** (-(edges[:-1] + edges[1:]) / 2.0 / YEAR_DAYS)
    discounted = np.diff(cumulated, axis=1) @ factors
    steady = float(factors.mean()) * YEAR_DAYS / horizon_days
    return np.where(within > 1e-9, discounted / np.maximum(within, 1e-9), steady)
