"""Events and order lines that were posted: stored once each."""

import zlib
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, text

from features.contract import EVENTS as EVENT_TABLE
from features.contract import ORDERS as ORDER_TABLE
from serving.state.inserts import insert_new
from serving.state.synced import marked
from serving.state.tables import EVENTS, ORDER_LINES

MOST_ROWS = 5_000
"""Rows of one customer that a request reads, the newest ones: a bound on what one runaway sender can cost."""


_TURNS = 64
"""Locks that posted orders share on PostgreSQL: one for each order could be more than it holds."""


def add_events(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Stores events (rows of the table) and returns the ids of those that were new: neither here nor in the history that took them from here."""
    new = {str(key[0]) for key in insert_new(connection, EVENTS, rows)}
    again = {event_id for event_id, _ in marked(connection, EVENT_TABLE.name, new)}
    if again:
        connection.execute(delete(EVENTS).where(EVENTS.c.event_id.in_(again)))
    return new - again


def add_order_lines(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[tuple[str, int]]:
    """Stores order lines (rows of the table) and returns (order_id, line) of those that were new: neither here nor in the history."""
    new = {(str(order_id), int(str(line))) for order_id, line in insert_new(connection, ORDER_LINES, rows)}
    again = new & marked(connection, ORDER_TABLE.name, {order_id for order_id, _ in new}).keys()
    for order_id, line in again:
        connection.execute(delete(ORDER_LINES).where(ORDER_LINES.c.order_id == order_id, ORDER_LINES.c.line == line))
    return new - again


def customers_of_orders(connection: Connection, order_ids: Collection[str]) -> dict[str, str]:
    """Whose order each of these ids is, of those that were posted. Nobody else posts any of them until this transaction ends."""
    ids = sorted(set(order_ids))
    if connection.dialect.name == "postgresql":
        for turn in sorted({zlib.crc32(order_id.encode()) % _TURNS for order_id in ids}):
            connection.execute(text("SELECT pg_advisory_xact_lock(714, :turn)"), {"turn": turn})
    found: dict[str, str] = {}
    for start in range(0, len(ids), 1000):
        mine = select(ORDER_LINES.c.order_id, ORDER_LINES.c.customer_id).where(ORDER_LINES.c.order_id.in_(ids[start : start + 1000]))
        found |= {row.order_id: row.customer_id for row in connection.execute(mine.distinct())}
    gone = [order_id for order_id in ids if order_id not in found]
    return found | {order_id: owner for (order_id, _), owner in marked(connection, ORDER_TABLE.name, gone).items()}
