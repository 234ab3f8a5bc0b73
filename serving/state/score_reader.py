"""The one read that the commonest answer needs: a statement by itself, on connections of its own, without SQLAlchemy's share of the cost.

What cannot be read so (a database that does not answer in time) is None, as is a score that is not there: the caller asks
again in a transaction, whose errors say what is wrong.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import ARRAY, Column, ColumnElement, String, Text, any_, bindparam, cast, exists, literal_column, select
from sqlalchemy.pool import PoolProxiedConnection

from serving.state.database import State, connect_args
from serving.state.publications import current_generation
from serving.state.tables import CONTACTS, CUSTOMERS, EVENTS, ORDER_LINES, PUBLISHED_SCORES

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_TOGETHER: Final = 64
"""Customers that one statement asks PostgreSQL for, at most."""
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
    return _Sqlite(state) if state.engine.dialect.name == "sqlite" else _PostgreSql(state)


def _compiled(state: State, whose: ColumnElement[bool]) -> str:
    """The statement as the driver takes it."""
    posted = [exists().where(owner == _SCORE.customer_id) for owner in POSTED]
    newest = select(*_ANSWERED).where(_SCORE.generation == current_generation(), whose, *(~one for one in posted))
    return str(newest.compile(dialect=state.engine.dialect))


class _Sqlite:
    """Reads at once, in the event loop's thread: it takes a few microseconds, less than handing it to another one."""

    def __init__(self, state: State) -> None:
        self._engine = state.engine
        self._statement = _compiled(state, _SCORE.customer_id == bindparam("customer_id"))
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
    """Reads without blocking the event loop. Who asks while a read is under way is answered by the next one, together with everybody else who does."""

    def __init__(self, state: State) -> None:
        self._engine = state.engine
        self._driver: Any = state.engine.dialect.dbapi  # psycopg: imported where a database asks for it, and nowhere else
        self._statement = _compiled(state, _SCORE.customer_id == any_(bindparam("customer_ids", type_=ARRAY(String))))
        self._connection: AsyncConnection[Any] | None = None
        self._waiting: list[tuple[str, asyncio.Future[Sequence[Any] | None]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def unchanged(self, customer_id: str) -> Sequence[Any] | None:
        answer: asyncio.Future[Sequence[Any] | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((customer_id, answer))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all())
        return await answer

    async def _read_all(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            rows: dict[str, Sequence[Any]] = {}
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    rows = await self._read([customer_id for customer_id, _ in asked])
            except (self._driver.Error, TimeoutError):
                await self.close()
            finally:
                _hand_out(rows, asked)

    async def _read(self, customer_ids: list[str]) -> dict[str, Sequence[Any]]:
        connection = self._connection = self._connection or await self._connect()
        cursor = await connection.execute(self._statement, {"customer_ids": customer_ids}, prepare=True)
        return {row[0]: row for row in await cursor.fetchall()}

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


def _hand_out(rows: Mapping[str, Sequence[Any]], asked: Sequence[tuple[str, asyncio.Future[Sequence[Any] | None]]]) -> None:
    for customer_id, answer in asked:
        if not answer.done():  # who asked may be gone
            answer.set_result(rows.get(customer_id))
