"""Commands on a full disk: they say so, leave what was there as it was and nothing half-written, and do their work once there is room."""

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.home import Home, open_home
from serving.state import events, publications
from serving.state.database import open_state
from serving.state.migrate import migrate

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG]
NOW = datetime(2025, 3, 1)
MANY = 3_000
ROOMS = (0, 32_768, 131_072, 524_288, 1_048_576, 2_097_152, 4_194_304, 16_777_216)
UNFINISHED = (".ingest-", ".reading-", ".making-", "-before", ".part", "-journal")


@pytest.fixture
def home(small_disk: Path) -> Home:
    """A home on a small disk, its state database beside it, with events posted that hardly can be compressed."""
    home = open_home(small_disk / "home")
    migrate(url(home))
    drawn = random.Random(1)
    rest = {"visitor_id": None, "channel": None, "product_id": None, "decision_id": None, "received_at": NOW}
    rows = [
        {
            "event_id": f"e{n}",
            "customer_id": f"c{n % 50}",
            "event_type": "page_view",
            "occurred_at": NOW - timedelta(minutes=n + 1),
            "value": float(n),
            "properties": {"drawn": drawn.randbytes(300).hex()},
            **rest,
        }
        for n in range(MANY)
    ]
    state = open_state(url(home))
    with state.writing() as connection:
        events.add_events(connection, rows)
    state.close()
    return home


def url(home: Home) -> str:
    return f"sqlite:///{home.database}"


@contextmanager
def left(disk: Path, room: int) -> Iterator[None]:
    """No more than so many bytes on the disk."""
    found = os.statvfs(disk)
    (disk / "ballast").write_bytes(b"x" * max(0, found.f_bavail * found.f_bsize - room))
    try:
        yield
    finally:
        (disk / "ballast").unlink()


def run(command: list[str], home: Home, name: str) -> bool:
    """Whether it did its work; if not, it said that there was no room."""
    ended = subprocess.run([*command, "--home", str(home.root), name], capture_output=True, text=True, check=False)
    if ended.returncode:
        assert ended.returncode == 2, ended.stderr
        assert "Make room" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert not [path.name for path in home.root.rglob("*") if any(mark in path.name for mark in UNFINISHED)]
    return ended.returncode == 0


def posted(home: Home) -> set[str]:
    state = open_state(url(home))
    with state.reading() as connection:
        found = {row.event_id for row in connection.exec_driver_sql("SELECT event_id FROM events")}
    state.close()
    return found


def in_the_history(home: Home) -> list[str]:
    path = home.table("events")
    return pd.read_parquet(path, columns=["event_id"])["event_id"].tolist() if path.exists() else []


def published(home: Home) -> int | None:
    """How many customers the publication that servers read has; it is whole, or there is none."""
    state = open_state(url(home))
    with state.reading() as connection:
        newest = publications.current(connection)
        rows = connection.exec_driver_sql("SELECT generation FROM published_customers").scalars().all()
    state.close()
    if newest is None:
        return None
    assert set(rows) == {newest.generation}, "what was half-written is gone"
    assert len(rows) == newest.facts["customer_count"]
    return len(rows)


def test_a_sync_and_a_publication_without_room_change_nothing_and_are_done_with_it(
    home: Home, small_disk: Path, nextbest_command: list[str]
) -> None:
    everybody = {f"e{n}" for n in range(MANY)}
    refused = {"sync": 0, "publish": 0}
    for name in refused:
        for room in ROOMS:
            with left(small_disk, room):
                done = run(nextbest_command, home, name)
            if done:
                break
            refused[name] += 1
            there = in_the_history(home)
            assert posted(home) == everybody, "nothing leaves before it is published"
            assert sorted(there) in ([], sorted(everybody)), "all or none, and none twice"
            assert published(home) is None
        assert sorted(in_the_history(home)) == sorted(everybody)
    assert published(home) == 50
    assert posted(home) == set()
    assert refused["sync"] >= 3
    assert refused["publish"] >= 2
