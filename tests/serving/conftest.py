"""A migrated state database on each dialect."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from serving.state.database import State, open_state
from serving.state.migrate import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    server: str = request.getfixturevalue("postgresql_server")
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name that we made
    return f"{server}/{name}"


@pytest.fixture
def state(empty_database: str) -> Iterator[State]:
    """An open state database with the newest schema."""
    migrate(empty_database)
    opened = open_state(empty_database)
    yield opened
    opened.close()
