"""Events and order lines that were posted: stored once each, and read per customer as rows that extend a history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from serving.state.inserts import insert_new
from serving.state.tables import EVENTS, ORDER_LINES

MOST_ROWS = 5_000
"""Rows of one customer that a request reads, the newest ones: a bound on what one runaway sender can cost."""


def add_events(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Stores events (rows of the table) and returns the ids of those that were new."""
    return {str(key[0]) for key in insert_new(connection, EVENTS, rows)}


def add_order_lines(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[tuple[str, int]]:
    """Stores order lines (rows of the table) and returns (order_id, line) of those that were new."""
    return {(str(order_id), int(str(line))) for order_id, line in insert_new(connection, ORDER_LINES, rows)}


def events_of_customer(connection: Connection, customer_id: str, before: datetime) -> list[dict[str, Any]]:
    """The customer's posted events from before this instant, oldest first.

    Among them what they did as a visitor, known_at the time when they were identified, as `features.sources` has it.
    """
    own = _events(connection, EVENTS.c.customer_id == customer_id, before)
    links = _links(connection, customer_id, own)
    if not links:
        return own
    earlier = _events(connection, EVENTS.c.customer_id.is_(None) & EVENTS.c.visitor_id.in_(links), before)
    merged = own + [{**row, "known_at": max(row["occurred_at"], links[row["visitor_id"]])} for row in earlier]
    return sorted(merged, key=lambda row: (row["occurred_at"], row["event_id"]))


def events_of_visitor(connection: Connection, visitor_id: str, before: datetime) -> list[dict[str, Any]]:
    """The visitor's posted events from before this instant, oldest first."""
    return _events(connection, EVENTS.c.visitor_id == visitor_id, before)


def customer_of_visitor(connection: Connection, visitor_id: str, before: datetime) -> str | None:
    """Who the visitor turned out to be: the customer of their first identify event before this instant; None if there is none."""
    said = (EVENTS.c.visitor_id == visitor_id, EVENTS.c.event_type == "identify", EVENTS.c.customer_id.is_not(None))
    first = select(EVENTS.c.customer_id).where(*said, EVENTS.c.occurred_at < before).order_by(EVENTS.c.occurred_at, EVENTS.c.event_id)
    return connection.execute(first.limit(1)).scalar()


def _links(connection: Connection, customer_id: str, own: Sequence[dict[str, Any]]) -> dict[str, datetime]:
    """When each visitor was identified as this customer, before anybody else."""
    said = [row for row in own if row["event_type"] == "identify" and row["visitor_id"]]
    first: dict[str, datetime] = {}
    for row in said:
        first.setdefault(row["visitor_id"], row["occurred_at"])
    just_after = {who: at + timedelta(microseconds=1) for who, at in first.items()}
    return {who: first[who] for who, after in just_after.items() if customer_of_visitor(connection, who, after) == customer_id}


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
