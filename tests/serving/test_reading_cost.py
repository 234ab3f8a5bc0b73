"""Reading one customer costs the same however much is stored about everybody else: counted in the steps that SQLite takes."""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import event

from features.history import CustomerHistory
from serving.publishing import publish
from serving.state import events
from serving.state.database import State, open_state
from serving.state.migrate import migrate
from serving.state.somebody import Whom, somebody_reader
from serving.state.versions import Moment, version_reader

NOW = datetime(2025, 3, 1)
OTHERS = 3_000


@dataclass
class Steps:
    """How many times SQLite took ten of its steps."""

    count: int = 0

    def step(self) -> int:
        self.count += 1
        return 0


@pytest.fixture
def sqlite_state(tmp_path: Path) -> Iterator[State]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    opened = open_state(url)
    yield opened
    opened.close()


def test_neither_customers_nor_visitors_who_are_nobody_cost_those_who_are_read(sqlite_state: State) -> None:
    known = pd.DataFrame([("p", "c", NOW - timedelta(days=9))], columns=["visitor_id", "customer_id", "identified_at"])
    publish(sqlite_state, as_of=NOW, histories=[("c", CustomerHistory.empty())], visitors=known.astype({"identified_at": "datetime64[us]"}))
    post(sqlite_state, [row("e1", "c", "v", "identify"), row("e2", None, "v"), row("e3", None, "p"), row("e4", "c", None)])
    alone = steps(sqlite_state)
    post(sqlite_state, [row(f"anonymous{n}", None, f"v{n}") for n in range(OTHERS)])
    post(sqlite_state, [row(f"named{n}", f"c{n}", None) for n in range(OTHERS)])
    among_others = steps(sqlite_state)
    assert all(count > 0 for count in alone)
    assert all(count <= 2 * before for before, count in zip(alone, among_others, strict=True)), (alone, among_others)


def row(event_id: str, customer_id: str | None, visitor_id: str | None, event_type: str = "product_view") -> dict[str, Any]:
    who = {"customer_id": customer_id, "visitor_id": visitor_id, "occurred_at": NOW - timedelta(hours=1), "received_at": NOW}
    rest = dict.fromkeys(("channel", "product_id", "value", "decision_id", "properties"))
    return {"event_id": event_id, "event_type": event_type, **who, **rest}


def post(state: State, rows: list[dict[str, Any]]) -> None:
    with state.writing() as connection:
        events.add_events(connection, rows)


def steps(state: State) -> tuple[int, int, int]:
    """What it takes to read the customer, a visitor of theirs, and the version of their state."""
    return asyncio.run(_steps(state))


async def _steps(state: State) -> tuple[int, int, int]:
    taken = Steps()

    def count(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(taken.step, 10)

    event.listen(state.engine, "checkout", count)
    somebody, versions = somebody_reader(state), version_reader(state)
    counts: list[int] = []
    for whom in (Whom("c", None, NOW), Whom(None, "v", NOW)):
        rows = await somebody.rows(whom)
        assert rows is not None
        assert {each["event_id"] for each in rows.events} == {"e1", "e2", "e3", "e4"}
        counts.append(taken.count - sum(counts))
    assert await versions.row(Moment("c", NOW)) is not None
    counts.append(taken.count - sum(counts))
    await somebody.close()
    await versions.close()
    event.remove(state.engine, "checkout", count)
    customer, visitor, version = counts
    return customer, visitor, version
