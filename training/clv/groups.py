"""Customers who look alike are counted once: in whole days, a million customers are some hundred thousand different ones."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
TIME_SPAN: Final = 10.0  # a fit sees times as if the longest were this: steady for days as for weeks


@dataclass(frozen=True)
class Groups:
    """Distinct (x, t_x, T) with the number of customers of each; times are `scale` times the given ones, the longest T is TIME_SPAN."""

    x: Floats
    t_x: Floats
    T: Floats
    count: Floats
    scale: float

    @classmethod
    def of(cls, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Self:
        """All customers, grouped. Raises ValueError where there is none, or a number is missing, negative, or t_x is above T."""
        frame = pd.DataFrame({"x": np.asarray(x, float), "t_x": np.asarray(t_x, float), "T": np.asarray(T, float)})
        if frame.empty:
            raise ValueError("at least one customer is needed")
        if not (np.isfinite(frame.to_numpy()).all() and (frame >= 0).all(axis=None) and (frame["t_x"] <= frame["T"]).all()):
            raise ValueError("x, t_x and T must be known, not negative, and t_x at most T")
        scale = TIME_SPAN / max(float(frame["T"].max()), 1e-9)
        sizes = frame.groupby(["x", "t_x", "T"], sort=True).size().reset_index(name="count")
        x, t_x, T, count = sizes.to_numpy(float).T
        return cls(x, t_x * scale, T * scale, count, scale)

    def thinned(self, most: int) -> Self:
        """At most `most` groups: where there are more, every n-th customer in the order of (x, t_x, T), which no order of rows can change."""
        if len(self.count) <= most:
            return self
        until = np.cumsum(self.count)
        drawn = np.searchsorted(until, (np.arange(most) + 0.5) * until[-1] / most, side="right")
        count = np.bincount(drawn, minlength=len(until)).astype(float)
        kept = count > 0
        return type(self)(self.x[kept], self.t_x[kept], self.T[kept], count[kept], self.scale)
