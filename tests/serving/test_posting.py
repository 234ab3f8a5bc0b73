"""Rows of many waiters go in by one statement, and each waiter is told what they would be told alone."""

from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, delete, select

from serving.state.database import State
from serving.state.posting import AddEvents, AddOrders, PostedOrder
from serving.state.tables import CUSTOMERS, EVENTS, ORDER_LINES

NOW = datetime(2026, 3, 1)


def event(event_id: str, who: str, event_type: str) -> dict[str, Any]:
    names = ("visitor_id", "product_id", "value", "decision_id", "properties")
    shared = {"customer_id": who, "event_type": event_type, "channel": "sms", "occurred_at": NOW, "received_at": NOW}
    return {"event_id": event_id, **shared, **dict.fromkeys(names)}


def order(order_id: str, who: str, lines: list[int | None]) -> PostedOrder:
    shared = {"order_id": order_id, "customer_id": who, "ordered_at": NOW, "quantity": 1.0, "unit_price": 1.0, "discount_amount": 0.0}
    others = {"channel": None, "store_id": None, "currency": None, "line_kind": "sale", "received_at": NOW, "product_id": None}
    return PostedOrder(order_id, who, [{**shared, **others, "line": line} for line in lines])


IDS, WHO = st.sampled_from("abcde"), st.sampled_from(["an", "binh"])
EVENT_JOBS = st.lists(
    st.lists(st.builds(event, IDS, WHO, st.sampled_from(["search", "unsubscribed"])), min_size=1, max_size=4), min_size=3, max_size=8
)
ORDER_JOBS = st.lists(
    st.lists(st.builds(order, IDS, WHO, st.lists(st.none() | st.integers(0, 2), min_size=1, max_size=3)), min_size=1, max_size=3),
    min_size=3,
    max_size=8,
)
OFTEN = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def done(state: State, jobs: list[Any], *, together: bool) -> tuple[list[Any], list[Any]]:
    """What the jobs are told, and what is stored after them."""
    with state.writing() as connection:
        for table in (EVENTS, ORDER_LINES, CUSTOMERS):
            connection.execute(delete(table))
        told = type(jobs[0]).do_all(connection, jobs) if together else [job(connection) for job in jobs]
        tables: list[Table] = [EVENTS, ORDER_LINES, CUSTOMERS]
        left = [sorted(map(repr, connection.execute(select(table)).all())) for table in tables]
    return told, left


@OFTEN
@given(EVENT_JOBS)
def test_events_together_are_as_events_one_after_the_other(state: State, jobs: list[list[dict[str, Any]]]) -> None:
    asked = [AddEvents(rows) for rows in jobs]
    assert done(state, asked, together=True) == done(state, asked, together=False)


@OFTEN
@given(ORDER_JOBS)
def test_orders_together_are_as_orders_one_after_the_other(state: State, jobs: list[list[PostedOrder]]) -> None:
    asked = [AddOrders(orders) for orders in jobs]
    assert done(state, asked, together=True) == done(state, asked, together=False)
