"""A migration from the first schema that is killed (kill -9) at any of its statements: the old schema stands whole, and the next one ends it."""

import os
import signal
import subprocess
import sys

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from serving.state.database import connect, schema_revision
from serving.state.migrate import _config, migrate
from serving.state.tables import REVISION

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG]
# What it does is the product's own; the hook only says when it ends: before the statement of this number, or at the commit.
PROGRAM = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
left = [int(sys.argv[2])]
def reached(*_):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
event.listen(Engine, "before_cursor_execute", reached)
event.listen(Engine, "commit", reached)
from serving.state.migrate import migrate
migrate(sys.argv[1])
"""
PEOPLE = 200


def of_the_first_schema(url: str) -> None:
    engine = connect(url)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.upgrade(_config(connection), "0001")
        statement = "INSERT INTO events (event_id, customer_id, event_type, occurred_at, received_at, value) VALUES (:id, :who, 'page_view', :at, :at, 1)"
        rows = [{"id": f"e{n}", "who": f"c{n}", "at": "2025-03-01 00:00:00.000000"} for n in range(PEOPLE)]
        connection.execute(text(statement), rows)
    engine.dispose()


def seen(url: str) -> tuple[str | None, list[str]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = schema_revision(connection), sorted(row.event_id for row in connection.execute(text("SELECT event_id FROM events")))
    engine.dispose()
    return found


def killed(url: str, number: int) -> bool:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, url, str(number)], capture_output=True, text=True, check=False)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode == -signal.SIGKILL


def test_a_migration_that_is_killed_leaves_the_old_schema_and_the_next_one_ends_it(empty_database: str) -> None:
    of_the_first_schema(empty_database)
    everybody = sorted(f"e{n}" for n in range(PEOPLE))
    number = 0
    while killed(empty_database, number):
        assert seen(empty_database) == ("0001", everybody)
        number += 9
    assert number > 20, "it came to many points"
    assert seen(empty_database) == (REVISION, everybody)
    assert migrate(empty_database) == (REVISION, REVISION)
