"""Opens the state database, SQLite or PostgreSQL.

What requests write goes through `State.write` and `State.write_soon`: many of them share one transaction (`serving.state.writer`). On SQLite one writer
works at a time: writers of this process wait in line for a lock, writers of other processes for SQLite's own (BEGIN IMMEDIATE, so that a transaction
never starts reading and then fails to write). Acknowledged means on disk: WAL with synchronous=FULL there, PostgreSQL's own commit otherwise.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from features.errors import InputError
from features.home import Home
from serving.state.inserts import JSON_OPTIONS
from serving.state.tables import REVISION
from serving.state.writer import MOST_WAITING, Job, Writer, step_aside

T = TypeVar("T")

CONNECTIONS: Final = 16
"""Connections that one process holds at most; requests beyond them wait."""

_PRIVATE: Final = 0o600
_OTHERS: Final = 0o077
_DIALECTS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
_FORMS = "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
_PATIENCE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.001


@dataclass(frozen=True)
class State:
    """An open state database. More than `most_waiting` jobs do not wait to be written (`write`, `write_soon`)."""

    engine: Engine
    most_waiting: int = MOST_WAITING
    _alone: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @cached_property
    def _writer(self) -> Writer:
        alone = self._alone if self.engine.dialect.name == "sqlite" else nullcontext()
        return Writer(self.engine, alone, most_waiting=self.most_waiting)

    @property
    def address(self) -> str:
        """Where it is, without the password."""
        return _shown(self.engine)

    @property
    def driver_error(self) -> type[Exception]:
        """What the driver raises."""
        found: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        return found

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads one moment of the database: all its statements see the same commits."""
        with self._snapshot() as connection, connection.begin():
            yield connection

    def _snapshot(self) -> Connection:
        connection = self.engine.connect()
        return connection.execution_options(isolation_level="REPEATABLE READ") if self.engine.dialect.name == "postgresql" else connection

    def write(self, job: Job[T], *, weight: int = 1) -> T:
        """Does the job in a transaction that it may share with others: what it returns, once that is on disk. See `Writer.write`."""
        return self._writer.write(job, weight=weight)

    async def write_soon(self, job: Job[T], *, weight: int = 1) -> T:
        """The same, for an event loop."""
        return await self._writer.write_soon(job, weight=weight)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, of one's own: committed, and on disk, when the block ends; undone if it raises. For what writes for long."""
        alone = self._alone if self.engine.dialect.name == "sqlite" else nullcontext()
        since = time.monotonic()
        with alone:
            with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
                yield connection
            step_aside(self.engine, since)  # before the next one of this process

    def close(self) -> None:
        """Finishes what is waiting to be written, and closes every connection."""
        self._writer.close()
        self.engine.dispose()


def address(home: Home, configured: str) -> str:
    """The database's URL: the configured one, or SQLite in the home."""
    return configured or f"sqlite:///{home.database}"


def open_state(url: str, *, most_waiting: int = MOST_WAITING) -> State:
    """The state database at `url`, ready to use.

    Raises InputError if the URL is none, nothing answers there, or the schema is not this version's.
    """
    engine = connect(url)
    try:
        with engine.connect() as connection:
            found = schema_revision(connection)
        _check_current(engine, found)
    except DatabaseError as error:
        engine.dispose()
        raise unreachable(engine, error) from error
    except InputError:
        engine.dispose()
        raise
    return State(engine, most_waiting)


def _check_current(engine: Engine, found: str | None) -> None:
    if found is None or found < REVISION:
        why = "is empty" if found is None else "was made by an older nextbest"
        raise InputError(
            f"The state database {_shown(engine)} {why}.",
            remedy="Run: nextbest publish (which also fills it), or nextbest migrate for the schema alone",
        )
    check_not_newer(engine, found)


def connect(url: str) -> Engine:
    """An engine on `url` with this application's settings; connects only when used. Raises InputError for a URL that is none."""
    parsed = _parse(url)
    engine = create_engine(
        parsed,
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=10,
        connect_args=connect_args(parsed.get_backend_name()),
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        from serving.state.silence import watch  # noqa: PLC0415  # the driver is imported where a database asks for it, and nowhere else

        watch(engine)
    return engine


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InputError("The state database's URL is none.", remedy=f"NEXTBEST_DATABASE_URL takes {_FORMS}.") from error
    backend = parsed.get_backend_name()
    if backend not in _DIALECTS:
        raise InputError(f"The state database cannot be {backend}.", remedy=f"NEXTBEST_DATABASE_URL takes {_FORMS}.")
    if backend == "sqlite":
        _make_private(parsed.database)
    return parsed.set(drivername=_DIALECTS[backend])


def schema_revision(connection: Connection) -> str | None:
    """The schema's revision; None where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def check_not_newer(engine: Engine, found: str) -> None:
    """Raises InputError if the schema was made by a newer version than this one."""
    if found > REVISION:
        raise InputError(
            f"The state database {_shown(engine)} was made by a newer nextbest (schema {found}, this one knows {REVISION}).",
            remedy="Install that version, or name another database with NEXTBEST_DATABASE_URL.",
        )


def unreachable(engine: Engine, error: DatabaseError) -> InputError:
    """What to tell when the database does not answer, or its file is none: never with the password."""
    lines = str(error.orig).strip().splitlines()
    file = "Restore the file from a backup, or move it away and run: nextbest publish"
    if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        file = "Make room on its disk, and run the same again."
    return InputError(
        f"The state database {_shown(engine)} cannot be opened: {lines[0] if lines else 'no answer'}.",
        remedy=file if engine.dialect.name == "sqlite" else "Start it, or correct NEXTBEST_DATABASE_URL.",
    )


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _to_json(value: Any) -> str:
    return orjson.dumps(value, option=JSON_OPTIONS).decode()


def connect_args(backend: str) -> dict[str, Any]:
    """What every connection of this application is opened with, besides the URL."""
    if backend == "sqlite":
        return {"check_same_thread": False, "timeout": _PATIENCE_SECONDS}
    # a host that is gone confirms nothing of what is sent to it; one that hangs is found by serving.state.silence
    return {"connect_timeout": 3, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 3, "options": "-c timezone=UTC"}


def _make_private(database: str | None) -> None:
    """Makes the file, and tightens one that is there: it holds names and addresses. SQLite gives its WAL and index the file's own mode."""
    if not database or database == ":memory:":
        raise InputError(
            "The state database must be a file: one in memory would forget what it acknowledged.", remedy="Use sqlite:///FILE."
        )
    file = Path(database)
    file.parent.mkdir(parents=True, exist_ok=True)
    # O_EXCL: opening and closing a file that is there would let go of the locks that this process's own connections hold on it
    with suppress(OSError):  # where it cannot be made SQLite says so, and somebody else's file keeps the mode that they gave it
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
    for each in (file, *(file.with_name(file.name + ending) for ending in ("-wal", "-shm"))):
        with suppress(OSError):
            if each.is_file() and each.stat().st_mode & _OTHERS:
                each.chmod(_PRIVATE)


def _prepare_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    raw.isolation_level = None  # we begin ourselves: the driver would begin too late, and deferred
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    # SQLite itself would look again after up to 100 ms, in which others begin and end many transactions
    raw: Any = connection.connection.dbapi_connection  # of one that is detached, too
    raw.execute("PRAGMA busy_timeout=0")
    try:
        _begin_writing(connection)
    finally:
        raw.execute(f"PRAGMA busy_timeout={_PATIENCE_SECONDS * 1000:.0f}")


def _begin_writing(connection: Connection) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            return
