"""One statement that finds a row by its key, on a connection of its own, without SQLAlchemy's share of the cost.

What cannot be read so (a database that does not answer in time) is None, as is a row that is not there: the caller asks
again in a transaction, whose errors say what is wrong.
"""

import asyncio
import os
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.pool import PoolProxiedConnection

from serving.state.database import State, connect_args

if TYPE_CHECKING:
    from psycopg import AsyncConnection

TOGETHER: Final = 64
"""Keys that one statement asks PostgreSQL for, at most."""
_PATIENCE_SECONDS: Final = 2.0
_PATIENCE_MILLISECONDS: Final = 50  # SQLite's readers wait for nobody, but for a moment while a file is opened or closed

Key = TypeVar("Key", bound=Hashable)
Asks = TypeVar("Asks", bound=Hashable, contravariant=True)


@dataclass(frozen=True)
class Question(Generic[Key]):
    """A statement in the driver's own words: what is bound to it for these keys (SQLite: one), and of which key a row is."""

    statement: str
    bound: Callable[[Sequence[Key]], Sequence[Any] | Mapping[str, Any]]
    key_of: Callable[[Sequence[Any]], Key]


class Lookup(Protocol[Asks]):
    """Finds rows by their keys."""

    async def row(self, key: Asks) -> Sequence[Any] | None:
        """The row of this key in the driver's own types; None where there is none, or no answer."""

    async def rows(self, key: Asks) -> Sequence[Sequence[Any]] | None:
        """All rows of this key, in the order of the statement; None where there is no answer."""

    async def close(self) -> None:
        """Closes the connections."""


def lookup(state: State, question: Question[Key]) -> Lookup[Key]:
    """Asks this database; it connects when it is first asked."""
    return _Sqlite(state.engine, question) if state.engine.dialect.name == "sqlite" else _PostgreSql(state.engine, question)


class _Sqlite(Generic[Key]):
    """Reads at once, in the event loop's thread: it takes a few microseconds, less than handing it to another one."""

    def __init__(self, engine: Engine, question: Question[Key]) -> None:
        self._engine = engine
        self._question = question
        self._opened: tuple[PoolProxiedConnection, sqlite3.Connection] | None = None

    async def row(self, key: Key) -> Sequence[Any] | None:
        found = await self.rows(key)
        return found[0] if found else None

    async def rows(self, key: Key) -> Sequence[Sequence[Any]] | None:
        try:
            _, connection = self._opened or self._connect()
            return connection.execute(self._question.statement, self._question.bound([key])).fetchall()
        except sqlite3.Error:
            await self.close()
            return None

    def _connect(self) -> tuple[PoolProxiedConnection, sqlite3.Connection]:
        pooled = self._engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()  # ours from now on, and no longer one of those that requests wait for
        assert isinstance(connection, sqlite3.Connection)  # noqa: S101  # the dialect's
        connection.execute(f"PRAGMA busy_timeout={_PATIENCE_MILLISECONDS}")
        self._opened = pooled, connection
        return self._opened

    async def close(self) -> None:
        if self._opened is not None:
            self._opened[0].close()
            self._opened = None


class _PostgreSql(Generic[Key]):
    """Reads without blocking the event loop. Who asks while a read is under way is answered by the next one, together with everybody else who does."""

    def __init__(self, engine: Engine, question: Question[Key]) -> None:
        self._engine = engine
        self._driver: Any = engine.dialect.dbapi  # psycopg: imported where a database asks for it, and nowhere else
        self._question = question
        self._connection: AsyncConnection[Any] | None = None
        self._waiting: list[tuple[Key, asyncio.Future[Sequence[Sequence[Any]] | None]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def row(self, key: Key) -> Sequence[Any] | None:
        found = await self.rows(key)
        return found[0] if found else None

    async def rows(self, key: Key) -> Sequence[Sequence[Any]] | None:
        answer: asyncio.Future[Sequence[Sequence[Any]] | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all())
        return await answer

    async def _read_all(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            rows: dict[Key, list[Sequence[Any]]] | None = None
            try:
                async with self._impatience():
                    rows = await self._read([key for key, _ in asked])
            except self._driver.Error:
                await self.close()
            finally:
                for key, answer in asked:
                    if not answer.done():  # who asked may be gone
                        answer.set_result(None if rows is None else rows.get(key, []))

    async def _read(self, keys: list[Key]) -> dict[Key, list[Sequence[Any]]]:
        connection = self._connection = self._connection or await self._connect()
        cursor = await connection.execute(self._question.statement, self._question.bound(keys), prepare=True)
        found: dict[Key, list[Sequence[Any]]] = {}
        for row in await cursor.fetchall():
            found.setdefault(self._question.key_of(row), []).append(row)
        return found

    @asynccontextmanager
    async def _impatience(self) -> AsyncIterator[None]:
        """Ends the connection under a read that takes long: to be cancelled, the driver would wait for a server that may hang."""
        late = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._cut)
        try:
            yield
        finally:
            late.cancel()

    def _cut(self) -> None:
        if self._connection is not None and not self._connection.closed:
            with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as end:
                end.shutdown(socket.SHUT_RDWR)

    async def _connect(self) -> "AsyncConnection[Any]":
        _, arguments = self._engine.dialect.create_connect_args(self._engine.url)
        opened: AsyncConnection[Any] = await self._driver.AsyncConnection.connect(
            **arguments, **connect_args("postgresql"), autocommit=True
        )
        return opened

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
