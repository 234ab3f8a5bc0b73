"""Situations of many customers: everybody the home knows, with what was known at that time."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from decisions.situations import Knowledge, situations
from features.engine import tables_from_frames
from features.journey import load_stages

NOW = datetime(2025, 6, 1)
CUSTOMERS = pd.DataFrame({"customer_id": ["a", "b"], "name": ["An", "Bình"], "consent_email": [True, None], "tier": ["gold", None]})
DECISIONS = pd.DataFrame(
    {
        "decision_id": ["d1", "d2"],
        "customer_id": ["a", "a"],
        "decided_at": [NOW - timedelta(days=20), NOW],
        "channel": "email",
        "action_id": "mail",
        "action_probability": 0.5,
    }
)
OUTCOMES = pd.DataFrame(
    {
        "event_id": ["1", "2", "3"],
        "decision_id": ["d1", "d1", "d1"],
        "outcome_type": ["accepted", "converted", "unsubscribed"],
        "occurred_at": [NOW - timedelta(days=19), NOW - timedelta(days=18), NOW],
        "value": [None, 80.0, None],
    }
)


def known(**frames):
    tables = tables_from_frames({"customers": CUSTOMERS, "decisions": DECISIONS, "outcomes": OUTCOMES, **frames})
    return {each.customer_id: each for each in situations(tables, NOW, Knowledge({"a": 0.25}, None, load_stages()))}


def test_a_home_without_orders_knows_its_customers_and_what_a_conversion_is_worth():
    found = known()
    assert sorted(found) == ["a", "b"]
    assert found["a"].expected_order_value == 80.0
    assert found["a"].churn_probability == 0.25
    assert found["a"].profile["tier"] == "gold"
    assert found["a"].consent == {"email": True}
    assert found["b"].consent == {"email": False}  # asked, and not answered, is a no
    assert [(c.decision_id, c.outcomes) for c in found["a"].contacts] == [("d1", ("accepted", "converted"))]


def test_orders_say_what_an_order_is_worth():
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "c"],
            "order_id": ["1", "2", "3"],
            "product_id": ["p", "p", "q"],
            "ordered_at": [NOW - timedelta(days=9), NOW - timedelta(days=3), NOW],
            "quantity": 1.0,
            "unit_price": [10.0, 30.0, 900.0],
            "line_kind": "sale",
        }
    )
    found = known(orders=orders)
    assert sorted(found) == ["a", "b"]  # c comes later
    assert found["a"].expected_order_value == 20.0
    assert found["b"].expected_order_value == 20.0
    assert found["a"].stage == "retention"
    assert "repeat" not in found["a"].products  # bought every 6 days, and 3 days ago


@pytest.mark.parametrize("only", [["a"], ["b", "nobody"], []])
def test_only_some_customers(only):
    tables = tables_from_frames({"customers": CUSTOMERS})
    found = [each.customer_id for each in situations(tables, NOW, Knowledge({}, None, load_stages()), only=only)]
    assert found == [customer for customer in only if customer != "nobody"]
