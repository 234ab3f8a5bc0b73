"""What churn and value predictions are measured against: the purchases that came. An event is a customer and a calendar day.

History is every day before the cut-off, the window is [as_of, as_of + horizon_days). Churned means: no event in the window. Active
customers, on whom churn is measured, have an event in the last two horizons: the long gone are easy, and nobody acts on them.
"""

from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ACTIVE_HORIZONS: Final = 2
YEAR_DAYS: Final = 365


def customer_days(lines: pd.DataFrame) -> pd.DataFrame:
    """customer_id, day (midnight), amount (money): one row per customer and day, from sale lines with their ordered_at and amount."""
    days = lines.assign(day=lines["ordered_at"].dt.normalize())
    return days.groupby(["customer_id", "day"], as_index=False)["amount"].sum()


def truth(days: pd.DataFrame, as_of: datetime, horizon_days: int) -> pd.DataFrame:
    """Everybody with an event before `as_of`, a midnight, by customer_id, sorted.

    churned (0 or 1), active, spend (money within the window), days_to_next_order (whole days to the first event in the window, missing
    where there is none), and three things that are known at as_of: last_on, gap_mean_days (missing before a second event) and
    yearly_spend (what was spent in the last 365 days).
    """
    until = as_of + pd.Timedelta(days=horizon_days)
    past, future = days[days["day"] < as_of], days[(days["day"] >= as_of) & (days["day"] < until)]
    events = past.groupby("customer_id")["day"].agg(["min", "max", "count"])
    found = events[["max"]].rename(columns={"max": "last_on"})
    repeats = (events["count"] - 1).where(events["count"] > 1)
    found["gap_mean_days"] = (events["max"] - events["min"]).dt.days / repeats
    lately = past[past["day"] >= as_of - pd.Timedelta(days=YEAR_DAYS)]
    found["yearly_spend"] = _by_customer(lately, found.index)
    found["churned"] = (~found.index.isin(future["customer_id"])).astype(float)
    found["spend"] = _by_customer(future, found.index)
    found["days_to_next_order"] = (future.groupby("customer_id")["day"].min().reindex(found.index) - as_of).dt.days
    found["active"] = (as_of - found["last_on"]).dt.days <= ACTIVE_HORIZONS * horizon_days
    return found


def _by_customer(days: pd.DataFrame, customers: pd.Index) -> pd.Series:
    return days.groupby("customer_id")["amount"].sum().reindex(customers).fillna(0.0)
