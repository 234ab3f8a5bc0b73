"""Training tables: customers with their features as of many cut-offs, and what happened after each."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
from ibis import _

from features import batch, labels
from features.contract import AS_OF, CUSTOMER_ID
from features.engine import Tables

OUTCOME_WINDOW_DAYS = 14


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


def response_table(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """decision_id, customer_id, decided_at, stage, channel, action_id, action_probability, answered, converted_value, unsubscribed.

    Grain: one row per decision before `as_of` whose outcome window of 14 days is over; in a home without orders and events
    every decision was imported with its outcomes, and counts as mature. answered and unsubscribed are 0.0 or 1.0,
    converted_value is money. Outcomes at or after `as_of` are not seen.
    """
    seen = tables.outcomes.filter(_.occurred_at < as_of)
    answers = seen.group_by("decision_id").aggregate(
        answered=seen.outcome_type.isin(["accepted", "converted"]).any(),
        converted_value=(seen.outcome_type == "converted").ifelse(seen.value, 0.0).sum(),
        unsubscribed=(seen.outcome_type == "unsubscribed").any(),
    )
    made = tables.decisions.filter(_.decided_at < _mature_before(tables, as_of))
    kept = made.select("decision_id", "customer_id", "decided_at", "stage", "channel", "action_id", "action_probability")
    table: pd.DataFrame = (
        kept.left_join(answers, "decision_id").drop("decision_id_right").order_by(["decided_at", "decision_id"]).to_pandas()
    )
    table = table.astype({"answered": "float64", "unsubscribed": "float64", "converted_value": "float64"})
    return table.fillna({"answered": 0.0, "unsubscribed": 0.0, "converted_value": 0.0})


def _mature_before(tables: Tables, as_of: datetime) -> datetime:
    """Decisions before this instant are mature; in a home without orders and events they were all imported with their outcomes."""
    alive = tables.orders.count().execute() or tables.events.count().execute()
    return as_of - timedelta(days=OUTCOME_WINDOW_DAYS) if alive else as_of
