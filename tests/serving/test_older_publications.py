"""A database that an older version published is brought to the new schema, and answered from until somebody publishes again."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from features.history import CustomerHistory
from serving.publishing import publish
from serving.state.database import connect, open_state
from serving.state.migrate import _config, migrate

MARCH = datetime(2025, 3, 1)
OLD_FORM = b'{"format": 1, "order_ids": ["o1"], "product_ids": ["tea"], "event_types": [], "lines": 1, "events": 0}\n' + bytes(48)
SCORES = {"churn_probability": 0.25, "horizon_days": 30, "as_of": "2025-03-01T00:00:00"}


def published_by_first_version(url: str) -> None:
    """A database of the first schema, with one product, and one customer whose history has the first form."""
    engine = connect(url)
    rows = (
        ("publications", {"generation": 1, "complete": True, "as_of": MARCH, "started_at": MARCH, "facts": json.dumps({"levels": {}})}),
        ("published_products", {"generation": 1, "product_id": "tea", "name": "Tea", "available": True, "attributes": "{}"}),
        (
            "published_customers",
            {"generation": 1, "customer_id": "c1", "profile": '{"name": "An"}', "consent": "{}", "contacts": "[]"}
            | {"history": OLD_FORM, "scores": json.dumps(SCORES), "stage": "advocacy"},
        ),
    )
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.upgrade(_config(connection), "0001")
        for table, row in rows:
            names = ", ".join(row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})"), row)
    engine.dispose()


@pytest.fixture
def older(empty_database: str) -> str:
    """The URL of a migrated database that the first version published."""
    published_by_first_version(empty_database)
    assert migrate(empty_database)[0] == "0001"
    return empty_database


def test_every_answer_is_given_and_the_publication_is_named_as_outdated(older: str, serve_on: Any) -> None:
    server = serve_on(older)
    with server as client:
        ready = client.get("/readyz").json()
        churn = client.get("/v1/customers/c1/churn").json()
        decided = client.post("/v1/decisions", json={"customer_id": "c1"})
        client.post("/v1/orders", json={"order_id": "o2", "customer_id": "c1", "lines": [{"product_id": "tea", "unit_price": 3}]})
        profile = client.get("/v1/customers/c1").json()
        shown = client.get("/v1/customers/c1/recommendations").json()
        rescored = client.get("/v1/customers/c1/churn").json()
    assert any("nextbest publish" in warning for warning in ready["warnings"])
    assert (churn["churn_probability"], churn["source"], churn["stage"]) == (0.25, "published", "advocacy")
    assert "another version" in churn["why"]
    assert decided.status_code == 200
    assert decided.json()["stage"] == "advocacy"
    assert (profile["profile"], profile["order_count"]) == ({"name": "An"}, 1)
    assert [each["product_id"] for each in shown["recommendations"]] == ["tea"]
    assert rescored["churn_probability"] == 0.25
    logged = [json.loads(line)["event"] for line in server.stream.getvalue().splitlines()]
    assert logged.count("outdated_publication") == 1


def test_a_stage_of_a_later_time_is_not_told(older: str, serve_on: Any) -> None:
    with serve_on(older, as_of=datetime(2025, 2, 1)) as client:
        churn = client.get("/v1/customers/c1/churn").json()
    assert (churn["churn_probability"], churn["stage"]) == (None, "awareness")
    assert "another version" in churn["why"]


def test_publishing_again_puts_it_right(older: str, serve_on: Any) -> None:
    state = open_state(older)
    ordered = CustomerHistory.of([{"order_id": "o1", "product_id": "tea", "ordered_at": datetime(2025, 1, 1), "unit_price": 3.0}])
    publish(state, as_of=MARCH, histories=[("c1", ordered)])
    state.close()
    with serve_on(older) as client:
        assert client.get("/readyz").json()["warnings"] == []
        assert client.get("/v1/customers/c1").json()["order_count"] == 1


@pytest.fixture
def serve_on(tmp_path: Path, serve_home: Any) -> Any:
    """Serves a home without models on this database."""
    return lambda url, **given: serve_home(tmp_path / "home-without-models", url, **given)
