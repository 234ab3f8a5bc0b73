"""How good expected amounts are: ranking, level, and a loss that a few large customers do not decide. Pure functions."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_POWER: Final = 1.5
_LEAST: Final = 1e-9


def normalised_gini(actual: ArrayLike, predicted: ArrayLike) -> float:
    """How well `predicted` ranks who brings `actual`: 1 is a perfect order, 0 is chance; ties keep the given order. NaN where all is 0."""
    actual, predicted = np.asarray(actual, float), np.asarray(predicted, float)
    if actual.sum() <= 0:
        return float("nan")
    return float(_gini(actual, predicted) / _gini(actual, actual))


def bias(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Sum of predictions over sum of what came: 1 is right, above is too much. NaN where nothing came."""
    total = float(np.sum(np.asarray(actual, float)))
    return float(np.sum(np.asarray(predicted, float)) / total) if total > 0 else float("nan")


def median_error(actual: ArrayLike, predicted: ArrayLike) -> float:
    """The median of |predicted - actual|, in their unit; NaN without rows."""
    off = np.abs(np.asarray(predicted, float) - np.asarray(actual, float))
    return float(np.median(off)) if len(off) else float("nan")


def share_within(actual: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """The share of actual values in [low, high]; NaN without rows."""
    value = np.asarray(actual, float)
    inside = (np.asarray(low, float) <= value) & (value <= np.asarray(high, float))
    return float(inside.mean()) if len(inside) else float("nan")


def tweedie_deviance(actual: ArrayLike, predicted: ArrayLike) -> Floats:
    """Each row's Tweedie deviance of power 1.5, 4 (sqrt(y) - sqrt(m))^2 / sqrt(m): zero where right, lowest on average at the mean."""
    y, m = np.asarray(actual, float), np.maximum(np.asarray(predicted, float), _LEAST)
    terms = (
        np.maximum(y, 0.0) ** (2 - _POWER) / ((1 - _POWER) * (2 - _POWER))
        - y * m ** (1 - _POWER) / (1 - _POWER)
        + m ** (2 - _POWER) / (2 - _POWER)
    )
    return np.asarray(2.0 * terms)


def _gini(actual: Floats, score: Floats) -> float:
    cumulated = np.cumsum(actual[np.argsort(-score, kind="stable")]) / actual.sum()
    return float(2.0 * cumulated.sum() / len(cumulated) - 1.0)
