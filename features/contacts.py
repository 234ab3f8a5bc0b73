"""Decisions joined with their outcomes: who was contacted with what, when, and what came of it."""

from datetime import datetime

import pandas as pd
from ibis import _

from features.engine import Tables


def contact_history(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """decision_id, customer_id, action_id, channel, decided_at, outcomes (list of outcome types, oldest first).

    Grain: one row per decision before `as_of`, sorted by customer and time; outcomes at or after `as_of` are not seen.
    """
    seen = tables.outcomes.filter(_.occurred_at < as_of)
    answers = seen.group_by("decision_id").aggregate(outcomes=seen.outcome_type.collect(order_by=[seen.occurred_at, seen.event_id]))
    made = tables.decisions.filter(_.decided_at < as_of).select("decision_id", "customer_id", "action_id", "channel", "decided_at")
    joined = made.left_join(answers, "decision_id").drop("decision_id_right")
    table: pd.DataFrame = joined.order_by(["customer_id", "decided_at", "decision_id"]).to_pandas()
    table["outcomes"] = [tuple(found) if isinstance(found, (list, tuple)) else () for found in table.outcomes.map(_as_list)]
    return table


def _as_list(found: object) -> object:
    return found.tolist() if hasattr(found, "tolist") else found
