"""A state database that is away, locked or full: every route says so with 503 and when to come again, nothing is acknowledged that is not on disk,
and all goes on by itself."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Connection, event, make_url

from serving.state import database

Serve = Callable[..., AbstractContextManager[httpx.Client]]

EVENT = {"customer_id": "c-new", "event_type": "product_view", "product_id": "p1"}
ORDER = {"customer_id": "c-new", "lines": [{"product_id": "p1", "quantity": 2, "unit_price": 5}]}


def asked(client: httpx.Client, number: int) -> dict[str, httpx.Response]:
    """What every kind of route answers."""
    return {
        "event": client.post("/v1/events", json={"event_id": f"e{number}", **EVENT}),
        "events": client.post("/v1/events", json=[{"event_id": f"f{number}-{n}", **EVENT} for n in range(3)]),
        "order": client.post("/v1/orders", json={"order_id": f"o{number}", **ORDER}),
        "outcome": client.post("/v1/outcomes", json=[{"event_id": "u", "decision_id": "d", "outcome_type": "viewed"}]),
        "profile": client.put("/v1/customers/c-new", json={"name": "An"}),
        "consent": client.put("/v1/customers/c-new/consent", json={"sms": True}),
        "decision": client.post("/v1/decisions", json={"customer_id": "c-new"}),
        "preview": client.get("/v1/customers/c-new/next-best-action"),
        "customer": client.get("/v1/customers/c-new"),
        "churn": client.get("/v1/customers/c-new/churn"),
        "recommendations": client.get("/v1/customers/c-new/recommendations"),
        "ready": client.get("/readyz"),
    }


def check_told(name: str, response: httpx.Response, *kinds: str) -> None:
    body = response.json()
    assert (name, response.status_code) == (name, 503), body
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) >= 1
    assert body["type"].removeprefix("urn:nextbest:problem:") in kinds
    assert body["remedy"]


def check_well(found: dict[str, httpx.Response]) -> None:
    assert {name: response.status_code for name, response in found.items()} == dict.fromkeys(found, 200)
    assert found["event"].json()["accepted"] == 1, "nothing of what was refused before was stored"
    assert found["events"].json()["accepted"] == 3


@contextmanager
def away(url: str) -> Iterator[None]:
    """The PostgreSQL database takes no connection and has dropped those that were there."""
    address = make_url(url)
    server = f"postgresql://{address.username}@{address.host}:{address.port}/postgres"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {address.database} ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (address.database,))
        yield
        connection.execute(f"ALTER DATABASE {address.database} ALLOW_CONNECTIONS true")


def test_a_database_that_is_away_is_told_by_every_route_and_found_again(serve: Serve, empty_postgresql: str) -> None:
    with serve(empty_postgresql) as client:
        check_well(asked(client, 1))
        with away(empty_postgresql):
            for name, response in asked(client, 2).items():
                check_told(name, response, "unavailable")
            assert client.get("/healthz").status_code == 200, "the process is well"
        check_well(asked(client, 2))


def test_connections_that_were_dropped_while_nobody_asked_fail_no_write(serve: Serve, empty_postgresql: str) -> None:
    with serve(empty_postgresql) as client:
        check_well(asked(client, 1))
        with away(empty_postgresql):
            pass
        check_well(asked(client, 2))


def test_a_full_disk_acknowledges_nothing_and_room_is_noticed(serve: Serve) -> None:
    pages = {"most": 1 << 30}

    def bound(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages['most']}")

    server: Any = serve()
    event.listen(server.app.state.serving.state.engine, "begin", bound)
    with server as client:
        assert client.post("/v1/events", json={"event_id": "first", **EVENT}).json()["accepted"] == 1
        pages["most"] = 1  # as many as there are
        found, sent = [], []
        for number in range(200):
            sent.append([f"many-{number}-{n}" for n in range(20)])
            found.append(client.post("/v1/events", json=[{"event_id": each, "properties": {"x": "y" * 500}, **EVENT} for each in sent[-1]]))
        full = [n for n, response in enumerate(found) if response.status_code != 200]
        assert full
        for n in full:
            check_told("events", found[n], "disk-full")
        assert client.get("/v1/customers/c-new").status_code == 200, "what is there is read"
        pages["most"] = 1 << 30
        for n, ids in enumerate(sent):
            again = client.post("/v1/events", json=[{"event_id": each, **EVENT} for each in ids]).json()
            assert (again["accepted"], again["duplicate"]) == ((20, 0) if n in full else (0, 20)), "stored if and only if that was said"


def test_a_lock_that_is_held_for_long_is_told_and_its_end_is_noticed(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(database, "_PATIENCE_SECONDS", 0.2)
    with serve() as client:
        check_well(asked(client, 1))
        with closing(sqlite3.connect(tmp_path / "home" / "state.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            written = ("event", "events", "order", "profile", "consent", "decision")
            for name, response in asked(client, 2).items():
                if name in written:
                    check_told(name, response, "busy")
            other.execute("ROLLBACK")
        check_well(asked(client, 2))
