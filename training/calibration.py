"""Calibrators: from a model's log odds to probabilities that came true before, kept only where they would have helped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_ROWS: Final = 200
EDGE: Final = 1e-4  # probabilities are kept this far from 0 and 1


def log_odds(probability: Floats) -> Floats:
    """log(p / (1 - p)), with p kept EDGE away from 0 and 1."""
    p = np.clip(np.asarray(probability, float), EDGE, 1.0 - EDGE)
    return np.asarray(np.log(p / (1.0 - p)))


def probability(z: Floats) -> Floats:
    """The inverse of `log_odds`."""
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def level_shift(z: Floats, mean: float) -> float:
    """The one number that, added to log odds z, makes the mean probability `mean` (kept EDGE away from 0 and 1)."""
    from scipy.optimize import brentq  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    wanted = float(np.clip(mean, EDGE, 1.0 - EDGE))
    return float(brentq(lambda shift: float(probability(z + shift).mean()) - wanted, -30.0, 30.0))


@dataclass(frozen=True)
class Platt:
    """p = 1 / (1 + exp(-(slope z + intercept))). Platt (1999); it keeps the ranking."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, z: Floats, y: Floats) -> Self:
        """The two numbers that make z most likely; both classes must occur."""
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - seconds of CPU that only who learns need spend

        fitted = LogisticRegression(C=1e6).fit(z.reshape(-1, 1), y)
        return cls(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))

    def apply(self, z: Floats) -> Floats:
        """Calibrated probabilities of log odds z."""
        return probability(self.slope * z + self.intercept)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"method": "platt", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True)
class Isotonic:
    """A rising step curve through (z, p), interpolated. Zadrozny and Elkan (2002); it may make ties."""

    z: tuple[float, ...]
    p: tuple[float, ...]

    @classmethod
    def fit(cls, z: Floats, y: Floats) -> Self:
        """The rising curve nearest to y."""
        from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - seconds of CPU that only who learns need spend

        fitted = IsotonicRegression(y_min=EDGE, y_max=1.0 - EDGE, out_of_bounds="clip").fit(z, y)
        return cls(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))

    def apply(self, z: Floats) -> Floats:
        """Calibrated probabilities of log odds z."""
        return np.interp(z, self.z, self.p)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"method": "isotonic", "z": list(self.z), "p": list(self.p)}


Calibrator = Platt | Isotonic


def from_json(read: Mapping[str, Any] | None) -> Calibrator | None:
    """The calibrator that `to_json` wrote; None stays None."""
    if read is None:
        return None
    if read["method"] == "platt":
        return Platt(float(read["slope"]), float(read["intercept"]))
    return Isotonic(tuple(read["z"]), tuple(read["p"]))


@dataclass(frozen=True)
class Kept:
    """A calibrator that earned its keep: `before` has seen the earlier backtests alone and may be measured on the later one, `after` both."""

    before: Calibrator
    after: Calibrator


def worth_keeping(earlier: tuple[Floats, Floats], later: tuple[Floats, Floats]) -> Kept | None:
    """A calibrator of log odds, or None, which is the usual answer.

    Each is fitted on the earlier backtest (z, y) and kept only if its squared error on the later one is smaller by more than two
    standard errors. Too few rows, or one class alone, give None.
    """
    (z0, y0), (z1, y1) = earlier, later
    if min(len(y0), len(y1)) < LEAST_ROWS or len(np.unique(y0)) < 2 or len(np.unique(y1)) < 2:
        return None
    plain = (probability(z1) - y1) ** 2
    best: tuple[float, Kept | None] = (0.0, None)
    for method in (Platt, Isotonic):
        before = method.fit(z0, y0)
        gain = plain - (before.apply(z1) - y1) ** 2
        sure = float(gain.mean() - 2.0 * gain.std() / np.sqrt(len(gain)))
        if sure > best[0]:
            best = (sure, Kept(before, method.fit(np.concatenate([z0, z1]), np.concatenate([y0, y1]))))
    return best[1]
