"""What churn and value learn from: a panel of customers over many cut-offs, and everybody's features as of now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from features import attributes, batch, cutoffs
from features.contract import CUSTOMER_ID
from features.engine import Tables
from features.errors import InputError
from features.journey import Stages
from features.training_sets import churn_panel
from training.splits import customer_parts

HORIZONS: Final = (7, 14, 30, 60, 90, 180, 365)
GAPS: Final = 1.5  # a horizon covers this many of the shop's usual gaps, where the history allows
HISTORY_SHARE: Final = 4  # a horizon is at most a quarter of the history, so that there is a backtest
MOST_ROWS: Final = 300_000  # beyond this a panel is thinned by customer: more rows cost time and memory and win nothing


@dataclass(frozen=True)
class Material:
    """`panel`: features, attributes and what came after, for every cut-off; `current`: the same features as of `as_of`; both of customers who bought."""

    panel: pd.DataFrame
    current: pd.DataFrame
    cutoffs: Sequence[datetime]
    as_of: datetime
    horizon_days: int

    @property
    def facts(self) -> dict[str, object]:
        """What a model card says about it."""
        return {
            "known before": f"{self.as_of:%Y-%m-%d %H:%M}",
            "horizon": f"{self.horizon_days} days",
            "cut-offs": f"{len(self.cutoffs)}, from {self.cutoffs[0]:%Y-%m-%d} to {self.cutoffs[-1]:%Y-%m-%d}",
            "rows": f"{len(self.panel):,} (customer x cut-off)",
            "customers": f"{len(self.current):,}",
            "without a purchase within the horizon": f"{self.panel['churned'].mean():.1%} of rows",
        }


def gather(tables: Tables, as_of: datetime, horizon_days: int | None, *, stages: Stages | None = None) -> Material:
    """The material as of a time; without `horizon_days`, for a horizon that fits the shop's rhythm (`usual_horizon`).

    `stages` are the shop's, or the default ones: they stand in the panel, and no model learns from them.
    Raises InputError where nobody bought before `as_of`, or the history is too short for the horizon.
    """
    first_at = cutoffs.first_order_at(tables)
    everybody = batch.features(tables, [as_of])
    current = everybody[everybody["order_count"] > 0].reset_index(drop=True)
    if first_at is None or current.empty:
        raise InputError(f"Nobody bought anything before {as_of:%Y-%m-%d %H:%M}.", remedy="Bring in orders, or choose a later --as-of.")
    horizon = horizon_days or usual_horizon(current)
    cuts = cutoffs.panel(first_at, as_of, horizon)
    panel = _thinned(churn_panel(tables, cuts, horizon, stages=stages))
    if panel.empty:
        raise InputError(
            f"Nobody bought anything before {cuts[-1]:%Y-%m-%d}, {horizon} days before {as_of:%Y-%m-%d}.",
            remedy="Train with fewer --horizon-days, or bring older orders in.",
        )
    return Material(panel, attributes.beside(current, tables, panel.columns), cuts, as_of, horizon)


def usual_horizon(current: pd.DataFrame) -> int:
    """Days, one of HORIZONS: about one and a half usual gaps between purchase days, at most a quarter of the history.

    The usual gap is the median of customers' mean gaps; without any, a month.
    """
    gaps = current["gap_mean_days"].dropna()
    wanted = GAPS * float(gaps.median()) if len(gaps) else 30.0
    most = float(current["customer_age_days"].max()) / HISTORY_SHARE
    fitting = [days for days in HORIZONS if days <= most] or [HORIZONS[0]]
    return min(fitting, key=lambda days: abs(np.log(days / max(wanted, 1.0))))


def _thinned(panel: pd.DataFrame) -> pd.DataFrame:
    parts = -(-len(panel) // MOST_ROWS)
    return panel if parts <= 1 else panel[customer_parts(panel[CUSTOMER_ID], parts) == 0].reset_index(drop=True)
