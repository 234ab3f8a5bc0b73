"""A sync or a publication that is killed (kill -9) at a rename or a commit loses nothing and doubles nothing, and the next one ends what it began."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.home import Home, open_home
from features.journey import load_stages
from serving.current import Reader
from serving.shop import Shops
from serving.state import events
from serving.state.database import State, open_state
from serving.state.migrate import migrate
from serving.syncing import sync

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG]
NOW = datetime(2025, 3, 1)
MANY = 4_500  # three batches of marks

# What it does is the product's own; the hooks only say when it ends. A rename is told before it is done, and so is a commit.
PROGRAM = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
root, url, what, point, number = sys.argv[1:]
left = [int(number)]

def reached():
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1

def heard(name, given):
    if name == "os.rename" and root in str(given[0]) and "tables" in str(given[0]) + str(given[1]):
        reached()

from sqlalchemy import event
from serving.cli.publication import publish_tables
from serving.cli.workspace import workspace
from serving.state.database import open_state
from serving.syncing import sync
work = workspace(Path(root), json=True)
now = datetime(2025, 3, 1)
if what == "sync":
    state = open_state(url)
    if point == "commit":
        event.listen(state.engine, "commit", lambda connection: connection.get_execution_options().get("writes") and reached())
    else:
        sys.addaudithook(heard)
    sync(state, work.home(), today=now)
else:
    from sqlalchemy.engine import Engine
    event.listen(Engine, "commit", lambda connection: connection.get_execution_options().get("writes") and reached())
    publish_tables(work, now)
"""


@pytest.fixture
def shop(empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Home, State, str]]:
    home = open_home(tmp_path / "home")
    migrate(empty_database)
    monkeypatch.setenv("NEXTBEST_DATABASE_URL", empty_database)
    state = open_state(empty_database)
    rest = {"visitor_id": None, "channel": None, "product_id": None, "decision_id": None, "properties": None, "received_at": NOW}
    made = [
        {
            "event_id": f"e{n}",
            "customer_id": f"c{n % 7}",
            "event_type": "page_view",
            "occurred_at": NOW - timedelta(minutes=n + 1),
            "value": float(n),
            **rest,
        }
        for n in range(MANY)
    ]
    sold = {"quantity": 1.0, "unit_price": 2.0, "discount_amount": 0.0, "channel": None, "store_id": None, "currency": None}
    lines = [
        {
            "order_id": f"o{n // 2}",
            "line": n % 2,
            "customer_id": f"c{n // 2 % 7}",
            "product_id": "p",
            "ordered_at": NOW - timedelta(days=1 + n),
            **sold,
        }
        for n in range(40)
    ]
    with state.writing() as connection:
        events.add_events(connection, made)
        events.add_order_lines(connection, [{**row, "line_kind": "sale", "received_at": NOW} for row in lines])
    yield home, state, empty_database
    state.close()


def killed(shop: tuple[Home, State, str], what: str, point: str, number: int) -> bool:
    """Whether it came to that point, and was killed there."""
    home, _, url = shop
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(home.root), url, what, point, str(number)], capture_output=True, text=True, check=False
    )
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode == -signal.SIGKILL


def seen(state: State) -> tuple[list[int], int]:
    """The events that requests about all customers see, and how many order lines."""
    stages = load_stages()
    reader = Reader(Shops({level.name: 9e9 for level in stages.levels}), stages)
    with state.reading() as connection:
        found = [reader.customer(connection, f"c{n}", NOW).history for n in range(7)]
    return sorted(int(value) for history in found for value in history.events["value"]), sum(len(history.lines["at"]) for history in found)


def assert_whole(home: Home, state: State) -> None:
    open_home(home.root)  # puts right what was stopped, as every command does
    assert seen(state) == (list(range(MANY)), 40)
    with state.reading() as connection:
        here = {row.event_id for row in connection.exec_driver_sql("SELECT event_id FROM events")}
    there = pd.read_parquet(home.table("events")).event_id.tolist() if home.table("events").exists() else []
    assert len(set(there)) == len(there)
    assert here | set(there) == {f"e{n}" for n in range(MANY)}


@pytest.mark.parametrize(("point", "number"), [("rename", 0), ("rename", 2), ("rename", 3), ("commit", 0), ("commit", 2)])
def test_a_sync_that_is_killed_is_ended_by_the_next_one(shop: tuple[Home, State, str], point: str, number: int) -> None:
    home, state, _ = shop
    assert killed(shop, "sync", point, number)
    assert_whole(home, state)
    sync(state, home, today=NOW)
    assert_whole(home, state)
    assert len(pd.read_parquet(home.table("events"))) == MANY
    assert len(pd.read_parquet(home.table("orders"))) == 40
    assert sync(state, home, today=NOW).changed is False
    assert not killed(shop, "publish", "commit", 10**6)
    assert_whole(home, state)
    with state.reading() as connection:
        assert not list(connection.exec_driver_sql("SELECT 1 FROM events")) + list(connection.exec_driver_sql("SELECT 1 FROM order_lines"))


def test_a_publication_that_is_killed_before_any_commit_shows_each_row_once(shop: tuple[Home, State, str]) -> None:
    home, state, _ = shop
    sync(state, home, today=NOW)
    number = 0
    while killed(shop, "publish", "commit", number):
        assert_whole(home, state)
        number += 1
    assert number >= 4
    assert_whole(home, state)
    assert not list(home.root.glob(".reading-*"))
