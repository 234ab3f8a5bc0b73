"""Decisions joined with their outcomes: who was contacted with what, when, and what came of it."""

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
from ibis import _

from features.engine import Tables

OUTCOME_WINDOW_DAYS = 14


def contact_history(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """decision_id, customer_id, action_id, channel, decided_at, outcomes (tuple of outcome types, oldest first), outcomes_at (their instants).

    Grain: one row per decision before `as_of`, sorted by customer and time; outcomes at or after `as_of` are not seen.
    """
    seen = tables.outcomes.filter(_.occurred_at < as_of)
    oldest_first = [seen.occurred_at, seen.event_id]
    answers = seen.group_by("decision_id").aggregate(
        outcomes=seen.outcome_type.collect(order_by=oldest_first), outcomes_at=seen.occurred_at.collect(order_by=oldest_first)
    )
    made = tables.decisions.filter(_.decided_at < as_of).select("decision_id", "customer_id", "action_id", "channel", "decided_at")
    joined = made.left_join(answers, "decision_id").drop("decision_id_right")
    table: pd.DataFrame = joined.order_by(["customer_id", "decided_at", "decision_id"]).to_pandas()
    table["outcomes"] = [tuple(found) if isinstance(found, (list, tuple)) else () for found in table.outcomes.map(_as_list)]
    instants = zip(table.outcomes, table.outcomes_at, strict=True)
    table["outcomes_at"] = [tuple(np.asarray(at, "datetime64[us]").tolist()) if outcomes else () for outcomes, at in instants]
    return table


def response_table(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """decision_id, customer_id, decided_at, stage, channel, action_id, action_probability, answered, converted_value, unsubscribed.

    Grain: one row per decision before `as_of` whose outcome window of 14 days is over; in a home without orders and events
    every decision was imported with its outcomes, and counts as mature. answered and unsubscribed are 0.0 or 1.0,
    converted_value is money. Outcomes at or after `as_of` are not seen.
    """
    seen = _in_window(tables, as_of)
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


def mean_converted_value(tables: Tables, as_of: datetime) -> float:
    """Money per converted outcome before `as_of`; 0 without any. What an order is worth, where no orders are known."""
    converted = tables.outcomes.filter((_.occurred_at < as_of) & (_.outcome_type == "converted"))
    mean = converted["value"].mean().execute()
    return float(mean) if mean is not None and mean == mean else 0.0


def _in_window(tables: Tables, as_of: datetime) -> ibis.Table:
    """Outcomes before `as_of` within the outcome window of their decision: as long for an old decision as for a new one."""
    made = tables.decisions.select("decision_id", "decided_at")
    seen = tables.outcomes.filter(_.occurred_at < as_of).inner_join(made, "decision_id")
    window = ibis.interval(days=OUTCOME_WINDOW_DAYS)
    return seen.filter((seen.occurred_at >= seen.decided_at) & (seen.occurred_at < seen.decided_at + window))


def _mature_before(tables: Tables, as_of: datetime) -> datetime:
    """Decisions before this instant are mature; in a home without orders and events they were all imported with their outcomes."""
    alive = tables.orders.count().execute() or tables.events.count().execute()
    return as_of - timedelta(days=OUTCOME_WINDOW_DAYS) if alive else as_of


def _as_list(found: object) -> object:
    return found.tolist() if hasattr(found, "tolist") else found
