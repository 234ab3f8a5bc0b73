"""How good probabilities of a yes-or-no outcome are: ranking, squared error, calibration. Pure functions of truth y (0/1) and p.

One class alone leaves the ranking metrics undefined: they are NaN then. No rows give NaN everywhere.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_EDGE: Final = 1e-6


def auc(y: ArrayLike, p: ArrayLike) -> float:
    """Area under the ROC curve: P(p of a random yes > p of a random no), ties count half (Mann-Whitney U / (n1 n0))."""
    from scipy.stats import rankdata  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    y, p = np.asarray(y, float), np.asarray(p, float)
    positive = float(y.sum())
    negative = len(y) - positive
    if positive == 0 or negative == 0:
        return float("nan")
    return float((rankdata(p)[y == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))


def average_precision(y: ArrayLike, p: ArrayLike) -> float:
    """Area under the precision-recall curve: sum over thresholds of (recall_k - recall_{k-1}) precision_k."""
    y, p = np.asarray(y, float), np.asarray(p, float)
    if y.sum() == 0:
        return float("nan")
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)  # the last row of every distinct threshold
    hits = np.cumsum(y[order])[last]
    return float(np.sum(np.diff(hits, prepend=0.0) / y.sum() * hits / (last + 1)))


def brier(y: ArrayLike, p: ArrayLike) -> float:
    """Mean squared error of the probabilities; 0 is perfect."""
    y, p = np.asarray(y, float), np.asarray(p, float)
    return float(np.mean((p - y) ** 2)) if len(y) else float("nan")


def log_loss(y: ArrayLike, p: ArrayLike) -> float:
    """Mean negative log likelihood, probabilities kept 1e-6 away from 0 and 1."""
    truth, kept = np.asarray(y, float), np.clip(np.asarray(p, float), _EDGE, 1 - _EDGE)
    return float(-np.mean(truth * np.log(kept) + (1 - truth) * np.log(1 - kept))) if len(truth) else float("nan")


def calibration_table(y: ArrayLike, p: ArrayLike, *, bins: int = 10) -> pd.DataFrame:
    """count, predicted and observed (mean p, mean y) per bin; bins of equal mass, ordered by p."""
    y, p = np.asarray(y, float), np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    parts = [
        (len(a), b.mean(), a.mean()) for a, b in zip(np.array_split(y[order], bins), np.array_split(p[order], bins), strict=True) if len(a)
    ]
    return pd.DataFrame(parts, columns=["count", "predicted", "observed"])


def calibration_error(y: ArrayLike, p: ArrayLike, *, bins: int = 10) -> float:
    """Expected calibration error: mean |observed - predicted| over bins of equal mass, weighted by their rows."""
    table = calibration_table(y, p, bins=bins)
    if table.empty:
        return float("nan")
    return float(np.average((table["observed"] - table["predicted"]).abs(), weights=table["count"]))


def top_decile_lift(y: ArrayLike, p: ArrayLike) -> float:
    """Share of yes among the tenth with the highest p (at least one row), against the share among all."""
    y, p = np.asarray(y, float), np.asarray(p, float)
    if y.sum() == 0:
        return float("nan")
    top = np.argsort(-p, kind="stable")[: max(1, round(len(p) / 10))]
    return float(y[top].mean() / y.mean())


def summary(y: ArrayLike, p: ArrayLike) -> dict[str, float]:
    """Every metric of this file by name, with the number of rows; those that are undefined are left out."""
    values = {
        "auc": auc(y, p),
        "average_precision": average_precision(y, p),
        "brier": brier(y, p),
        "log_loss": log_loss(y, p),
        "calibration_error": calibration_error(y, p),
        "top_decile_lift": top_decile_lift(y, p),
        "rows": float(np.size(y)),
    }
    return {name: value for name, value in values.items() if np.isfinite(value)}
