"""Training tables: customers with their features and journey stage as of many cut-offs, and what happened after each."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from features import attributes, batch, labels
from features.contract import AS_OF, CUSTOMER_ID, STAGE
from features.engine import Tables
from features.journey import Stages, load_stages, stages_of


def churn_panel(tables: Tables, cutoffs: Sequence[datetime], horizon_days: int, *, stages: Stages | None = None) -> pd.DataFrame:
    """The features of everybody who bought before a cut-off, with their stage, churned, and what `labels.purchases_after` says.

    Grain: one row per cut-off and customer with a purchase before it. churned is 1.0 where [as_of, as_of + horizon_days)
    holds no purchase; days_to_next_order is missing there. Customer attributes stand behind the features (`features.attributes`).
    `stages` are the shop's, or the default ones; they see no row at or after their cut-off. The caller chooses cut-offs whose label
    windows are over (`cutoffs.panel`).
    """
    known = batch.features(tables, cutoffs)
    known[STAGE] = stages_of(known, stages or load_stages())
    known = known[known.order_count > 0]
    newest = known[known[AS_OF] == known[AS_OF].max()]
    known = attributes.beside(known, tables, attributes.attribute_names(tables, newest))
    after = labels.purchases_after(tables, cutoffs, horizon_days)
    panel = known.merge(after, how="left", on=[CUSTOMER_ID, AS_OF], validate="one_to_one")
    panel["churned"] = panel.future_order_count.isna().astype("float64")
    return panel.fillna({"future_value": 0.0, "future_order_count": 0.0})
