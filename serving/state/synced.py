"""Posted rows on their way into the home's history: which are not there yet, which are, and which a publication holds, so that they leave.

A row goes through three states: posted; synced, with a mark, when the home's tables hold it; and gone from here but for its mark, in the very
transaction in which a publication that holds it becomes visible. Whoever reads sees it once at every moment.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, exists, func, literal, or_, select, text

from features.contract import DECISIONS as DECISION_TABLE
from features.contract import EVENTS as EVENT_TABLE
from features.contract import ORDERS as ORDER_TABLE
from features.contract import OUTCOMES as OUTCOME_TABLE
from serving.state.inserts import insert_new
from serving.state.tables import CUSTOMERS, DECISIONS, EVENTS, ORDER_LINES, OUTCOMES, PUBLISHED_VISITORS, SYNCED

BATCH: Final = 5_000

Rows = list[dict[str, Any]]


def unsynced_events(connection: Connection) -> Iterator[Rows]:
    """Events without a mark, in batches."""
    return _stream(connection, select(EVENTS).where(~_marked(EVENT_TABLE.name, EVENTS.c.event_id)))


def lines_of_unsynced_orders(connection: Connection) -> Iterator[Rows]:
    """All lines that are here of orders of which some line has no mark, in batches."""
    new = ORDER_LINES.alias("new_lines")
    orders = select(new.c.order_id).where(~_marked(ORDER_TABLE.name, new.c.order_id, new.c.line))
    return _stream(connection, select(ORDER_LINES).where(ORDER_LINES.c.order_id.in_(orders)))


def unsynced_decisions(connection: Connection) -> Iterator[Rows]:
    """Decisions about customers that have no mark, in batches; the history holds none about visitors."""
    made = select(DECISIONS).where(DECISIONS.c.customer_id.is_not(None), ~_marked(DECISION_TABLE.name, DECISIONS.c.decision_id))
    return _stream(connection, made, size=500)


def unsynced_outcomes(connection: Connection) -> Iterator[Rows]:
    """Outcomes of decisions about customers that have no mark, in batches, with the `customer_id`."""
    joined = OUTCOMES.join(DECISIONS, DECISIONS.c.decision_id == OUTCOMES.c.decision_id)
    told = select(*OUTCOMES.c, DECISIONS.c.customer_id).select_from(joined)
    return _stream(connection, told.where(DECISIONS.c.customer_id.is_not(None), ~_marked(OUTCOME_TABLE.name, OUTCOMES.c.event_id)))


def put_customers(connection: Connection) -> Iterator[Rows]:
    """Everything that was put about customers, in batches."""
    return _stream(connection, select(CUSTOMERS).order_by(CUSTOMERS.c.customer_id))


def unsynced_event_ids(connection: Connection) -> Iterator[list[tuple[str, str]]]:
    """(event_id, whose it is) of events without a mark, in batches."""
    whose = func.coalesce(EVENTS.c.customer_id, EVENTS.c.visitor_id, "").label("subject_id")
    for rows in _stream(connection, select(EVENTS.c.event_id, whose).where(~_marked(EVENT_TABLE.name, EVENTS.c.event_id)), size=50_000):
        yield [(row["event_id"], row["subject_id"]) for row in rows]


def last_sync(connection: Connection) -> int:
    """The newest sync_id of any mark; 0 before the first."""
    return int(connection.execute(select(func.max(SYNCED.c.sync_id))).scalar() or 0)


def mark(connection: Connection, kind: str, rows: Sequence[tuple[str, int, str]], sync_id: int) -> int:
    """Marks (row_id, line, subject_id) as held by the home's tables; how many had no mark."""
    made = [{"kind": kind, "row_id": row_id, "line": line, "subject_id": who, "sync_id": sync_id} for row_id, line, who in rows]
    return len(insert_new(connection, SYNCED, made))


def marked(connection: Connection, kind: str, row_ids: Collection[str]) -> dict[tuple[str, int], str]:
    """(row_id, line) of the marks with these row_ids, with whose row each is."""
    several = list(row_ids)
    asked = several if connection.dialect.name == "postgresql" else orjson.dumps(several).decode()
    rows = connection.execute(_MARKED[connection.dialect.name], {"kind": kind, "row_ids": asked})
    return {(row.row_id, row.line): row.subject_id for row in rows}


def remove_published(connection: Connection, generation: int, up_to: int) -> dict[str, int]:
    """Removes the rows that this generation holds, and says how many by table: marked by a sync up to this one, and of somebody who is known.

    Events of visitors who are nobody yet are in no customer's history, so they stay. In the transaction in which the generation becomes visible.
    """
    visitors = select(PUBLISHED_VISITORS.c.visitor_id).where(PUBLISHED_VISITORS.c.generation == generation)
    known = or_(EVENTS.c.customer_id.is_not(None), EVENTS.c.visitor_id.in_(visitors))
    old_event = _marked(EVENT_TABLE.name, EVENTS.c.event_id, up_to=up_to)
    old_line = _marked(ORDER_TABLE.name, ORDER_LINES.c.order_id, ORDER_LINES.c.line, up_to=up_to)
    return {
        ORDER_TABLE.name: _deleted(connection, ORDER_LINES, old_line),
        EVENT_TABLE.name: _deleted(connection, EVENTS, and_(known, old_event)),
    }


def _deleted(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    return connection.execute(delete(table).where(which)).rowcount


def _marked(
    kind: str, row_id: ColumnElement[Any], line: ColumnElement[Any] | None = None, *, up_to: int | None = None
) -> ColumnElement[bool]:
    same = [SYNCED.c.kind == kind, SYNCED.c.row_id == row_id, SYNCED.c.line == (literal(0) if line is None else line)]
    return exists().where(*same, *(() if up_to is None else (SYNCED.c.sync_id <= up_to,)))


def _stream(connection: Connection, asked: Select[Any], size: int = BATCH) -> Iterator[Rows]:
    found = connection.execute(asked, execution_options={"stream_results": True, "yield_per": size})
    for batch in found.mappings().partitions(size):
        yield [dict(row) for row in batch]


# as text, and with one parameter for all ids: every posted batch asks it, and a statement with hundreds of parameters costs more than the insert
_MARKED: Final = {
    "sqlite": text("SELECT row_id, line, subject_id FROM synced WHERE kind = :kind AND row_id IN (SELECT value FROM json_each(:row_ids))"),
    "postgresql": text("SELECT row_id, line, subject_id FROM synced WHERE kind = :kind AND row_id = ANY(:row_ids)"),
}
