"""Logistic regression on recency, frequency, value and age: five numbers that any shop has, hard to beat on few customers."""

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.calibration import probability
from training.matrix import Features, Matrix, columns

Floats = NDArray[np.float64]
USED: Final = ("days_since_last_order", "order_day_count", "value_total", "customer_age_days")


class RfmLogistic:
    """P(yes) = 1 / (1 + exp(-(c + w z))), z the standardised logarithms of USED and the product of the first two."""

    centre: Floats
    scale: Floats
    weights: Floats
    constant: float

    def fit(self, features: pd.DataFrame, y: Floats, row_weights: Floats | None = None) -> Self:
        """Fits the weights; y must hold both classes. An unknown value counts as the average. `row_weights` say how much each row counts."""
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - seconds of CPU that only who learns need spend

        raw = _logarithms(features)
        known = np.isfinite(raw)
        count = np.maximum(known.sum(axis=0), 1)
        self.centre = np.where(known, raw, 0.0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (raw - self.centre) ** 2, 0.0).sum(axis=0) / count)
        self.scale = np.where(spread > 0, spread, 1.0)
        fitted = LogisticRegression(C=1.0, max_iter=500).fit(self._terms(features), y, sample_weight=row_weights)
        self.weights, self.constant = fitted.coef_[0].astype(float), float(fitted.intercept_[0])
        return self

    def predict(self, features: Features) -> Floats:
        """The probability of every row."""
        return probability(self._terms(features) @ self.weights + self.constant)

    def contributions(self, features: Features) -> Matrix:
        """What each of USED adds to the log odds against an average customer: Shapley values, the product shared by its two factors."""
        logs = np.where(np.isfinite(raw := _logarithms(features)), raw, self.centre)
        parts = ((logs - self.centre) / self.scale * self.weights)[:, :4]
        away, halfway = logs[:, :2] - self.centre[:2], (logs[:, :2] + self.centre[:2]) / 2.0
        parts[:, :2] += self.weights[4] / self.scale[4] * away * halfway[:, ::-1]
        return Matrix(USED, parts)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        numbers = {"centre": self.centre.tolist(), "scale": self.scale.tolist(), "weights": self.weights.tolist()}
        return {**numbers, "constant": self.constant}

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Self:
        """The model that `to_json` wrote."""
        model = cls()
        model.centre, model.scale, model.weights = (np.asarray(read[name], float) for name in ("centre", "scale", "weights"))
        model.constant = float(read["constant"])
        return model

    def _terms(self, features: Features) -> Floats:
        return np.asarray(np.nan_to_num((_logarithms(features) - self.centre) / self.scale))


def _logarithms(features: Features) -> Floats:
    logs = np.log1p(np.maximum(columns(features, USED), 0.0))
    return np.column_stack([logs, logs[:, 0] * logs[:, 1]])
