"""Training tables: customers with their features as of many cut-offs, and what happened after each."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from features import batch, labels
from features.contract import AS_OF, CUSTOMER_ID
from features.engine import Tables


def churn_panel(tables: Tables, cutoffs: Sequence[datetime], horizon_days: int) -> pd.DataFrame:
    """The features of everybody who bought before a cut-off, with churned, future_value and future_order_count.

    Grain: one row per cut-off and customer with a purchase before it. churned is 1.0 where [as_of, as_of + horizon_days)
    holds no purchase. The caller chooses cut-offs whose label windows are over (`cutoffs.panel`).
    """
    known = batch.features(tables, cutoffs)
    known = known[known.order_count > 0]
    after = labels.purchases_after(tables, cutoffs, horizon_days)
    panel = known.merge(after, how="left", on=[CUSTOMER_ID, AS_OF], validate="one_to_one")
    panel["churned"] = panel.future_order_count.isna().astype("float64")
    return panel.fillna({"future_value": 0.0, "future_order_count": 0.0})
