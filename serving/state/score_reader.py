"""The one read that the commonest answer needs: a statement by itself, on connections of its own, without SQLAlchemy's share of the cost.

What cannot be read so (a database that does not answer in time) is None, as is a score that is not there: the caller asks
again in a transaction, whose errors say what is wrong.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import Column, ColumnElement, Select, Text, bindparam, cast, exists, literal_column, select
from sqlalchemy.pool import PoolProxiedConnection

from serving.state.database import State, connect_args
from serving.state.publications import current_generation
from serving.state.tables import CONTACTS, CUSTOMERS, EVENTS, ORDER_LINES, PUBLISHED_SCORES

if TYPE_CHECKING:
    from psycopg import AsyncConnection

CONNECTIONS: Final = 4
"""To PostgreSQL, at most: a read takes a tenth of a millisecond."""
_PATIENCE_SECONDS: Final = 2.0
_PATIENCE_MILLISECONDS: Final = 50  # SQLite's readers wait for nobody, but for a moment while a file is opened or closed

POSTED: Final[Sequence[Column[Any]]] = (ORDER_LINES.c.customer_id, EVENTS.c.customer_id, CONTACTS.c.subject_id, CUSTOMERS.c.customer_id)
"""Where a customer's id stands once something of theirs was posted."""
_SCORE: Final = PUBLISHED_SCORES.c
_ANSWERED: Final[Sequence[ColumnElement[Any]]] = (
    _SCORE.customer_id,
    _SCORE.stage,
    _SCORE.churn_probability,
    _SCORE.horizon_days,
    _SCORE.as_of,
    _SCORE.band,
    _SCORE.percentile,
    _SCORE.percentile_in_stage.label("percentile_within_stage"),
    _SCORE.segment,
    _SCORE.persona,
    _SCORE.expected_next_order_on,
    _SCORE.expected_next_order_from,
    _SCORE.expected_next_order_until,
    _SCORE.average_days_between_orders,
    _SCORE.expected_orders,
    _SCORE.expected_spend,
    _SCORE.clv,
    _SCORE.historic_value,
    cast(_SCORE.reasons, Text).label("reasons"),
    _SCORE.model_version,
    literal_column("'published'").label("source"),
    _SCORE.insufficient_data,
    _SCORE.why,
)
NAMES: Final = tuple(str(column.name) for column in _ANSWERED)
"""What a row holds, in this order, in the driver's own types: instants and days of SQLite are ISO text, its flags numbers; `reasons` is JSON."""


class ScoreReader(Protocol):
    """Reads published scores."""

    async def unchanged(self, customer_id: str) -> Sequence[Any] | None:
        """The newest published score, as `NAMES` has it, of a customer of whom nothing was posted; None where there is none, or no answer."""

    async def close(self) -> None:
        """Closes the connections."""


def score_reader(state: State) -> ScoreReader:
    """A reader of this database; it connects when it is first asked."""
    compiled = str(_statement().compile(dialect=state.engine.dialect))
    return _Sqlite(state, compiled) if state.engine.dialect.name == "sqlite" else _PostgreSql(state, compiled)


def _statement() -> Select[Any]:
    posted = [exists().where(owner == _SCORE.customer_id) for owner in POSTED]
    mine = (_SCORE.generation == current_generation(), _SCORE.customer_id == bindparam("customer_id"))
    return select(*_ANSWERED).where(*mine, *(~one for one in posted))


class _Sqlite:
    """Reads at once, in the event loop's thread: it takes a few microseconds, less than handing it to another one."""

    def __init__(self, state: State, statement: str) -> None:
        self._engine, self._statement = state.engine, statement
        self._opened: tuple[PoolProxiedConnection, sqlite3.Connection] | None = None

    async def unchanged(self, customer_id: str) -> Sequence[Any] | None:
        try:
            _, connection = self._opened or self._connect()
            found: Sequence[Any] | None = connection.execute(self._statement, (customer_id,)).fetchone()
        except sqlite3.Error:
            await self.close()
            return None
        return found

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


class _PostgreSql:
    """Reads without blocking the event loop. A connection belongs to one request at a time; requests wait for one, but not long."""

    def __init__(self, state: State, statement: str) -> None:
        self._engine, self._statement = state.engine, statement
        self._driver: Any = state.engine.dialect.dbapi  # psycopg: imported where a database asks for it, and nowhere else
        self._idle: list[AsyncConnection[Any]] = []
        self._turns = asyncio.Semaphore(CONNECTIONS)

    async def unchanged(self, customer_id: str) -> Sequence[Any] | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._turns:
                return await self._read(customer_id)
        except (self._driver.Error, TimeoutError):
            return None

    async def _read(self, customer_id: str) -> Sequence[Any] | None:
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            cursor = await connection.execute(self._statement, {"customer_id": customer_id}, prepare=True)
            found: Sequence[Any] | None = await cursor.fetchone()
        except BaseException:
            await connection.close()  # broken, or given up in the middle: what it would answer next is not ours
            raise
        self._idle.append(connection)
        return found

    async def _connect(self) -> "AsyncConnection[Any]":
        _, arguments = self._engine.dialect.create_connect_args(self._engine.url)
        opened: AsyncConnection[Any] = await self._driver.AsyncConnection.connect(
            **arguments, **connect_args("postgresql"), autocommit=True
        )
        return opened

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()
