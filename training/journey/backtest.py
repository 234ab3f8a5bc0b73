"""How good the worths are: those of an earlier cut-off against what customers of each state brought from then on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.journey.panel import ABSENT, Panel
from training.journey.process import Floats
from training.journey.states import STATES
from training.journey_value import LEAST_CUSTOMERS, LEAST_STEPS, JourneyValues

TESTED_SHARE: Final = 3  # the last third of the steps is asked about


@dataclass(frozen=True)
class JourneyBacktest:
    """`table` by state: customers, brought (mean money), its standard_error, expected, naive; `losses` and `naive` are squared errors per customer."""

    table: pd.DataFrame
    losses: Floats
    naive: Floats
    steps: int

    @property
    def metrics(self) -> dict[str, float]:
        """Bias (expected / brought, of all together) and calibration_error (mean absolute error by state, against the mean); naive_ for last month's."""
        if self.table.empty or not (self.table["brought"] * self.table["customers"]).sum() > 0.0:
            return {}
        whole = float((self.table["brought"] * self.table["customers"]).sum())
        found = {}
        for name, column in (("", "expected"), ("naive_", "naive")):
            weighed = self.table[column] * self.table["customers"]
            found[f"{name}bias"] = float(weighed.sum()) / whole
            off = (self.table[column] - self.table["brought"]).abs() * self.table["customers"]
            found[f"{name}calibration_error"] = float(off.sum()) / whole
        return found


def backtest_journey(panel: Panel) -> JourneyBacktest:
    """Learns from the first two thirds of a panel's steps, and compares with the last third; empty where the former are too few.

    The naive rival of a state is what its customers brought in the last step known, times the steps asked about; the gate's is that of all customers.
    """
    steps = panel.step_count // TESTED_SHARE
    cut = panel.step_count - steps
    past = panel.before(cut)
    if past.step_count < LEAST_STEPS or past.customer_count < LEAST_CUSTOMERS or not steps:
        return JourneyBacktest(pd.DataFrame(columns=["stage", "orders", "customers", "brought"]), np.empty(0), np.empty(0), steps)
    model = JourneyValues().fit(past, as_of=past.cutoffs[-1], months=steps * panel.months_per_step)
    known = panel.states[:, cut] != ABSENT
    state, brought = panel.states[known, cut].astype(np.int64), panel.spent[known, cut:].sum(axis=1)
    expected = np.array([model.values[one].money if one in model.values else np.nan for one in STATES])
    naive, everybody = _last_step(past, steps)
    table = _table(state, brought, expected, naive)
    return JourneyBacktest(table, (expected[state] - brought) ** 2, (everybody - brought) ** 2, steps)


def _last_step(past: Panel, steps: int) -> tuple[Floats, float]:
    """Per state, and of all: the mean money of the last step times so many steps."""
    known = past.states[:, -2] != ABSENT
    state, spent = past.states[known, -2].astype(int), past.spent[known, -1]
    sums, rows = np.bincount(state, spent, minlength=len(STATES)), np.bincount(state, minlength=len(STATES))
    return steps * sums / np.maximum(rows, 1), steps * float(spent.mean())


def _table(state: NDArray[np.int64], brought: Floats, expected: Floats, naive: Floats) -> pd.DataFrame:
    means = pd.Series(brought).groupby(state).agg(["size", "mean", "sem"])
    places = means.index.to_numpy()
    return pd.DataFrame(
        {
            "stage": [STATES[i][0] for i in places],
            "orders": [STATES[i][1] for i in places],
            "customers": means["size"].to_numpy(),
            "brought": means["mean"].to_numpy(),
            "standard_error": means["sem"].to_numpy(),
            "expected": expected[places],
            "naive": naive[places],
        }
    )
