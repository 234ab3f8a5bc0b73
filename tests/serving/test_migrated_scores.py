"""What publications of the second schema hold as JSON stands in the table of scores after migrating."""

import json
from datetime import date, datetime
from typing import Any

import pytest
from alembic import command
from sqlalchemy import inspect, select, text

from serving.publishing import publish
from serving.state import scores
from serving.state.database import connect, open_state
from serving.state.migrate import _config, migrate
from serving.state.tables import PUBLISHED_SCORES

MARCH = datetime(2025, 3, 1)
FULL = {
    "churn_probability": 0.25,
    "horizon_days": 30,
    "as_of": "2025-02-28T06:00:00",
    "band": "cooling",
    "percentile": 0.4,
    "percentile_in_stage": 0.6,
    "stage": "retention",
    "expected_orders": 1.5,
    "expected_spend": 20.0,
    "expected_next_order_on": "2025-03-09T00:00:00",
    "expected_next_order_from": None,
    "expected_next_order_until": "2025-03-30T00:00:00",
    "average_days_between_orders": 21.0,
    "clv": 80.0,
    "historic_value": 99.5,
    "insufficient_data": True,
    "reasons": ["The last order was 74 days ago."],
    "model_version": "4",
}


def published_by_second_version(url: str, stored: dict[str, Any], *, complete: bool = True) -> None:
    """A database of the second schema with a publication of these scores by customer_id, and then migrated."""
    engine = connect(url)
    publication = {"generation": 7, "complete": complete, "as_of": MARCH, "started_at": MARCH, "facts": json.dumps({"as_of": "2025-02-27"})}
    customers = [
        {"generation": 7, "customer_id": who, "profile": "{}", "consent": "{}", "contacts": "[]", "scores": json.dumps(each)}
        for who, each in stored.items()
    ]
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.upgrade(_config(connection), "0002")
        for table, rows in (("publications", [publication]), ("published_customers", customers)):
            names = list(rows[0])
            connection.execute(text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"), rows)
    engine.dispose()
    assert migrate(url)[0] == "0002"


def test_every_column_moves(empty_database: str) -> None:
    published_by_second_version(empty_database, {"c1": FULL})
    state = open_state(empty_database)
    with state.reading() as connection:
        moved = scores.read_many(connection, ["c1"])["c1"]
    state.close()
    assert moved == {
        **FULL,
        "generation": 7,
        "customer_id": "c1",
        "as_of": datetime(2025, 2, 28, 6),
        "expected_next_order_on": date(2025, 3, 9),
        "expected_next_order_until": date(2025, 3, 30),
        "segment": None,
        "persona": None,
        "why": None,
    }


def test_what_was_never_known_is_null_and_nobody_without_a_probability_has_a_score(empty_database: str) -> None:
    little = {"churn_probability": 0.5, "reasons": []}
    published_by_second_version(empty_database, {"c1": little, "c2": None, "c3": {"churn_probability": None}})
    state = open_state(empty_database)
    with state.reading() as connection:
        (moved,) = scores.read_many(connection, ["c1", "c2", "c3"]).values()
        columns = {column["name"] for column in inspect(connection).get_columns("published_customers")}
    state.close()
    known = {name: value for name, value in moved.items() if value is not None}
    assert known == {
        "generation": 7,
        "customer_id": "c1",
        "churn_probability": 0.5,
        "as_of": datetime(2025, 2, 27),
        "insufficient_data": False,
    }
    assert "scores" not in columns


def test_more_customers_than_a_batch_all_move(empty_database: str) -> None:
    published_by_second_version(empty_database, {f"c{i}": {"churn_probability": i / 5_000} for i in range(4_500)})
    state = open_state(empty_database)
    with state.reading() as connection:
        moved = dict(connection.execute(select(PUBLISHED_SCORES.c.customer_id, PUBLISHED_SCORES.c.churn_probability)).all())
    state.close()
    assert moved == {f"c{i}": pytest.approx(i / 5_000) for i in range(4_500)}


@pytest.mark.parametrize("complete", [True, False])
def test_publishing_again_clears_up_what_was_moved(empty_database: str, complete: bool) -> None:
    published_by_second_version(empty_database, {"c1": FULL}, complete=complete)
    state = open_state(empty_database)
    made = publish(state, as_of=MARCH, histories=[])
    with state.reading() as connection:
        kept = set(connection.execute(select(PUBLISHED_SCORES.c.generation)).scalars())
    state.close()
    assert (made.generation, kept) == (8, {7} if complete else set())
