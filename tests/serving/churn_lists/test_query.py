"""Customers asked for by their ids: the published answers by one statement, the others as the single route gives them."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from serving.api.churn_query import Answers
from serving.state.database import State

Rows = list[dict[str, Any]]


@dataclass
class Watched:
    """A server and the statements that its database was asked."""

    client: httpx.Client
    statements: list[str]


@pytest.fixture
def watched(
    state: State, empty_database: str, rows: Rows, publish_on: Callable[..., int], serve_home: Callable[..., Any], tmp_path: Path
) -> Iterator[Watched]:
    publish_on(state, rows)
    server = serve_home(tmp_path / "home", empty_database)
    statements: list[str] = []
    with server as client:
        client.get("/healthz")
        event.listen(
            server.app.state.serving.state.engine,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_: statements.append(statement),
        )
        yield Watched(client, statements)


def ask(client: httpx.Client, customer_ids: list[str], **more: Any) -> dict[str, Any]:
    said = client.post("/v1/churn:query", json={"customer_ids": customer_ids, **more})
    assert said.status_code == 200, said.text
    found: dict[str, Any] = said.json()
    Answers.model_validate(found)
    return found


def test_customers_come_in_the_order_asked_once_each_with_the_unknown_beside(watched: Watched, rows: Rows) -> None:
    ids = [row["customer_id"] for row in rows]
    asked = [ids[7], "nobody", ids[3], ids[7], "no one", ids[0]]
    found = ask(watched.client, asked)
    assert [customer["customer_id"] for customer in found["customers"]] == [ids[7], ids[3], ids[0]]
    assert found["unknown"] == ["nobody", "no one"]


def test_each_answer_is_that_of_the_single_route(watched: Watched, rows: Rows) -> None:
    ids = [row["customer_id"] for row in rows if row["customer_id"].isalnum()][:8]
    posted = {"order_id": "o1", "customer_id": ids[2], "ordered_at": "2025-02-28T10:00:00", "quantity": 1, "unit_price": 5}
    assert watched.client.post("/v1/orders", json=posted).json()["accepted"] == 1
    found = ask(watched.client, ids)["customers"]
    assert found == [watched.client.get(f"/v1/customers/{customer_id}/churn").json() for customer_id in ids]
    assert found[2]["historic_value"] == 5  # as of now, with the order in it


def test_the_number_of_statements_does_not_grow_with_the_customers(watched: Watched, rows: Rows) -> None:
    ids = [row["customer_id"] for row in rows]
    ask(watched.client, ids[:1])
    few = len(watched.statements)
    ask(watched.client, ids)
    assert len(watched.statements) == 2 * few
    assert few > 0


def test_every_format_says_what_json_says(watched: Watched, rows: Rows) -> None:
    ids = [row["customer_id"] for row in rows][::-1]
    expected = ask(watched.client, ids)["customers"]
    said = watched.client.post("/v1/churn:query", json={"customer_ids": [*ids, "nobody"]}, headers={"Accept": "text/csv"})
    assert said.headers["Unknown-Count"] == "1"
    read = list(csv.DictReader(io.StringIO(said.text)))
    assert [row["customer_id"].removeprefix("'") for row in read] == [customer["customer_id"] for customer in expected]
    assert [float(row["churn_probability"]) for row in read] == [customer["churn_probability"] for customer in expected]
    nobody = watched.client.post("/v1/churn:query", params={"format": "csv"}, json={"customer_ids": ["nobody"]})
    assert len(nobody.text.splitlines()) == 1


@pytest.mark.parametrize(
    "body", [{"customer_ids": []}, {"customer_ids": ["x"] * 1001}, {"customer_ids": ["x"], "locale": "xx"}, {"ids": ["x"]}]
)
def test_what_cannot_be_asked_is_refused(sqlite_shop: httpx.Client, body: dict[str, Any]) -> None:
    assert sqlite_shop.post("/v1/churn:query", json=body).status_code == 422
    assert len(ask(sqlite_shop, [f"n{i}" for i in range(50)])["unknown"]) == 50
