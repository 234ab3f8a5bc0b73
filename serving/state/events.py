"""Events and order lines that were posted: stored once each, and read per customer as rows that extend a history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from serving.state.inserts import insert_new
from serving.state.tables import EVENTS, ORDER_LINES

MOST_ROWS = 5_000
"""Rows of one customer that a request reads, the newest ones: a bound on what one runaway sender can cost."""


def add_events(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Stores events (rows of the table) and returns how many of them were new, by event_id."""
    return len(insert_new(connection, EVENTS, rows))


def add_order_lines(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Stores order lines (rows of the table) and returns how many of them were new, by order and line."""
    return len(insert_new(connection, ORDER_LINES, rows))


def events_of_customer(connection: Connection, customer_id: str, before: datetime) -> list[dict[str, Any]]:
    """The customer's posted events that occurred before this instant, oldest first."""
    return _events(connection, EVENTS.c.customer_id == customer_id, before)


def events_of_visitor(connection: Connection, visitor_id: str, before: datetime) -> list[dict[str, Any]]:
    """The visitor's posted events that occurred before this instant, oldest first."""
    return _events(connection, EVENTS.c.visitor_id == visitor_id, before)


def order_lines_of_customer(connection: Connection, customer_id: str, before: datetime) -> list[dict[str, Any]]:
    """The customer's posted order lines from before this instant, oldest first."""
    mine = select(ORDER_LINES).where(ORDER_LINES.c.customer_id == customer_id, ORDER_LINES.c.ordered_at < before)
    newest = mine.order_by(ORDER_LINES.c.ordered_at.desc(), ORDER_LINES.c.order_id, ORDER_LINES.c.line).limit(MOST_ROWS)
    return [dict(row._mapping) for row in connection.execute(newest)][::-1]


def _events(connection: Connection, who: ColumnElement[bool], before: datetime) -> list[dict[str, Any]]:
    newest = (
        select(EVENTS)
        .where(who, EVENTS.c.occurred_at < before)
        .order_by(EVENTS.c.occurred_at.desc(), EVENTS.c.event_id.desc())
        .limit(MOST_ROWS)
    )
    return [dict(row._mapping) for row in connection.execute(newest)][::-1]
