"""How far a number may be off by chance alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from training.evaluation.classification import calibration_error


@dataclass(frozen=True)
class Interval:
    """A number with the range it may lie in."""

    value: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the number lies inside its own range."""
        return self.low <= self.value <= self.high


def calibration_interval(y: ArrayLike, p: ArrayLike, rng: np.random.Generator, *, draws: int = 200) -> Interval:
    """The calibration error of p, and the 95 % range that it has where p is exactly right (truth drawn from p itself).

    Above the range, the probabilities are off by more than chance.
    """
    p = np.asarray(p, float)
    drawn = [calibration_error(rng.random(len(p)) < p, p) for _ in range(draws)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(calibration_error(y, p), float(low), float(high))
