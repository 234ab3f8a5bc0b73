"""The backtest of expected orders and spend: on the newest time-ordered fold, or on a third of the customers where there is none."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF, CUSTOMER_ID
from training.evaluation.lifetime_value import bias, normalised_gini, tweedie_deviance
from training.splits import customer_parts, time_folds
from training.value import ValueModel

Floats = NDArray[np.float64]
PARTS: Final = 3
LEAST: Final = 10  # rows to learn from, and to be tested on


@dataclass(frozen=True)
class ValueBacktest:
    """The test's rows, expected spend and orders, each row's loss and that of one answer for everybody."""

    rows: pd.DataFrame
    predicted: pd.DataFrame
    losses: Floats
    naive: Floats
    protocol: str

    def losses_of(self, model: ValueModel) -> Floats:
        """Another model's losses on the same rows."""
        return _losses(self.rows, model.predict(self.rows)["expected_spend"].to_numpy(float))

    @property
    def metrics(self) -> dict[str, float]:
        """Ranking (normalised Gini) and level (sum predicted over sum actual) of spend and orders; empty without a test."""
        if self.rows.empty:
            return {}
        pairs = {"spend": ("future_value", "expected_spend"), "orders": ("future_order_count", "expected_orders")}
        found = {}
        for name, (actual, predicted) in pairs.items():
            found[f"{name}_gini"] = normalised_gini(self.rows[actual], self.predicted[predicted])
            found[f"{name}_bias"] = bias(self.rows[actual], self.predicted[predicted])
        return {name: value for name, value in found.items() if np.isfinite(value)}


def backtest_value(panel: pd.DataFrame, *, horizon_days: int, threads: int = 0) -> ValueBacktest:
    """Fits on the fold's training rows and answers for its test rows. Too few rows give an empty test, said in `protocol`."""
    train, rows, protocol = _split(panel, horizon_days)
    if min(len(train), len(rows)) < LEAST:
        none = np.zeros(0)
        return ValueBacktest(panel.iloc[:0], pd.DataFrame(), none, none, f"None: {len(panel):,} rows are too few for a backtest.")
    model = ValueModel(threads=threads)
    model.fit(train, as_of=rows[AS_OF].max(), horizon_days=horizon_days, current=rows)
    predicted = model.predict(rows)
    losses = _losses(rows, predicted["expected_spend"].to_numpy(float))
    return ValueBacktest(rows, predicted, losses, _losses(rows, np.full(len(rows), train["future_value"].mean())), protocol)


def _split(panel: pd.DataFrame, horizon_days: int) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    folds = time_folds([pd.Timestamp(c).to_pydatetime() for c in panel[AS_OF].unique()], horizon_days, most=1)
    if folds:
        fold = folds[-1]
        protocol = (
            f"Tested on everybody as of {fold.test:%Y-%m-%d}, learned from {len(fold.train)} cut-offs whose labels were over by then."
        )
        return panel[panel[AS_OF].isin(fold.train)], panel[panel[AS_OF] == fold.test], protocol
    part = customer_parts(panel[CUSTOMER_ID], PARTS)
    protocol = "Tested on a third of the customers at the same time, since the history is too short to test on a later time."
    return panel[part != 0], panel[part == 0], protocol


def _losses(rows: pd.DataFrame, expected: Floats) -> Floats:
    """Tweedie deviances, in units that do not depend on the currency: the actual values' mean is 1."""
    actual = np.maximum(rows["future_value"].to_numpy(float), 0.0)
    unit = float(actual.mean()) or 1.0
    return tweedie_deviance(actual / unit, np.maximum(expected / unit, 1e-3))
