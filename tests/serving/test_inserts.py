"""What is handed to the driver is stored as SQLAlchemy stores it, so that whoever reads finds the same."""

from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text

from serving.state.database import State
from serving.state.inserts import insert_new
from serving.state.tables import EVENTS, ORDER_LINES

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12) | st.sampled_from(
    ["Hà Nội", "'; --", '"', "\\", "%s", "?"]
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, 1e22, -0.0])
INSTANTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)) | st.just(datetime(2026, 3, 1))
PROPERTIES = st.dictionaries(TEXTS, TEXTS | NUMBERS | st.booleans() | st.none() | st.lists(TEXTS, max_size=3), min_size=1, max_size=4)


def events(value: float | None, at: datetime, said: str | None, properties: dict[str, Any] | None) -> dict[str, Any]:
    shared = {"customer_id": said, "visitor_id": None, "event_type": "search", "occurred_at": at, "channel": said, "product_id": None}
    return {**shared, "value": value, "decision_id": None, "properties": properties, "received_at": at}


ROWS = st.lists(st.builds(events, st.none() | NUMBERS, INSTANTS, st.none() | TEXTS, st.none() | PROPERTIES), min_size=1, max_size=90)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_rows_are_stored_as_sqlalchemy_stores_them(state: State, rows: list[dict[str, Any]]) -> None:
    named = [{"event_id": f"e{place:03d}", **row} for place, row in enumerate(rows)]
    stored = []
    for way in ("ours", "theirs"):
        with state.writing() as connection:
            connection.execute(delete(EVENTS))
            if way == "ours":
                assert insert_new(connection, EVENTS, named) == {(row["event_id"],) for row in named}
            else:
                connection.execute(insert(EVENTS), named)
            read = [dict(row._mapping) for row in connection.execute(select(EVENTS).order_by(EVENTS.c.event_id))]
            stored.append((read, raw(state, connection)))
    assert stored[0] == stored[1]
    assert [(row["value"], row["occurred_at"], row["properties"]) for row in stored[0][0]] == [
        (row["value"], row["occurred_at"], row["properties"]) for row in named
    ]


def raw(state: State, connection: Any) -> list[tuple[Any, ...]]:
    """The values in the database's own form; a JSON column of PostgreSQL may say nothing as NULL or as null."""
    if state.engine.dialect.name == "sqlite":
        columns = ", ".join(f"typeof({column.name}), quote({column.name})" for column in EVENTS.columns)
    else:
        columns = "occurred_at::text, value::text, coalesce(properties::text, 'null')"
    return [tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM events ORDER BY event_id"))]


def test_the_first_of_equal_keys_stays_and_is_told_once(state: State) -> None:
    shared = {"customer_id": "c", "product_id": None, "ordered_at": datetime(2026, 1, 1), "unit_price": 1.0, "discount_amount": 0.0}
    others = {"channel": None, "store_id": None, "currency": None, "line_kind": "sale", "received_at": datetime(2026, 1, 1)}
    rows = [{"order_id": "o", "line": line, "quantity": n, **shared, **others} for n, line in enumerate([3, 1, 3, 2, 1] * 40)]
    with state.writing() as connection:
        assert insert_new(connection, ORDER_LINES, rows) == {("o", 1), ("o", 2), ("o", 3)}
        assert insert_new(connection, ORDER_LINES, rows) == set()
        kept = connection.execute(select(ORDER_LINES.c.line, ORDER_LINES.c.quantity).order_by(ORDER_LINES.c.line))
        assert [tuple(row) for row in kept] == [(1, 1.0), (2, 3.0), (3, 0.0)]
