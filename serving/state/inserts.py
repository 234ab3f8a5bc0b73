"""Inserts that may be repeated: a row whose key is there already is left as it is.

They go to the driver as one statement for many rows, in the form in which the columns' own types store them.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import Column, Connection, DateTime, Dialect, Table

Key = tuple[Hashable, ...]
_Process = Callable[[Any], Any] | None

JSON_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC
"""How values of JSON columns are written. An instant of a column of its own may end in +00:00, too: a timestamp without time zone ignores it."""
_AT_ONCE: Final = 4_096
"""Rows that PostgreSQL is given by one statement at most."""
_ON_SQLITE: Final = (64, 16, 4, 1)
"""The same for SQLite, whose statements are of these sizes, so that few are compiled."""


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[Key]:
    """Inserts the rows, all with the same columns, whose primary key is new and returns the keys of those; the first of equal keys wins.

    Rows go in by ascending key: two transactions that bring the same rows in different order would wait for each other.
    """
    if not rows:
        return set()
    ordered = _by_key(table, rows)
    insert = _on_postgresql if connection.dialect.name == "postgresql" else _on_sqlite
    return insert(connection, table, tuple(name for name in table.columns.keys() if name in ordered[0]), ordered)  # noqa: SIM118  # of names, not of columns


def _on_sqlite(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[dict[str, Any]]) -> set[Key]:
    bind = _binder(table, names, connection.dialect)
    new: set[Key] = set()
    for some in _parts(rows):
        bound = tuple(chain.from_iterable(map(bind, some)))
        new.update(tuple(key) for key in connection.exec_driver_sql(_sqlite_statement(table, names, len(some)), bound).all())
    return new


def _on_postgresql(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[dict[str, Any]]) -> set[Key]:
    """As one JSON text, which the server takes apart: a driver's arrays take ten times as long to make."""
    new: set[Key] = set()
    for start in range(0, len(rows), _AT_ONCE):
        brought = orjson.dumps(rows[start : start + _AT_ONCE], option=JSON_OPTIONS).decode()
        new.update(tuple(key) for key in connection.exec_driver_sql(_postgresql_statement(table, names), (brought,)))
    return new


def _by_key(table: Table, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    key = [column.name for column in table.primary_key]
    return rows if len(rows) == 1 else sorted(rows, key=lambda row: [row[name] for name in key])


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    start = 0
    for size in _ON_SQLITE:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@lru_cache(maxsize=128)
def _sqlite_statement(table: Table, names: tuple[str, ...], count: int) -> str:
    row = f"({', '.join('?' * len(names))})"
    return f"{_into(table, names)} VALUES {', '.join([row] * count)} {_unless_there(table)}"


@lru_cache(maxsize=32)
def _postgresql_statement(table: Table, names: tuple[str, ...]) -> str:
    source = f"json_populate_recordset(NULL::{table.name}, %s::json)"
    return f"{_into(table, names)} SELECT {', '.join(names)} FROM {source} {_unless_there(table)}"  # noqa: S608  # our own names


def _into(table: Table, names: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(names)})"


def _unless_there(table: Table) -> str:
    return f"ON CONFLICT DO NOTHING RETURNING {', '.join(column.name for column in table.primary_key)}"


@lru_cache(maxsize=64)
def _binder(table: Table, names: tuple[str, ...], dialect: Dialect) -> Callable[[dict[str, Any]], list[Any]]:
    """Makes the driver's values of a row, in the order of these names."""
    take = itemgetter(*names)
    processes = [(place, made) for place, name in enumerate(names) if (made := _process(table.columns[name], dialect)) is not None]

    def bind(row: dict[str, Any]) -> list[Any]:
        values = list(take(row))
        for place, process in processes:
            values[place] = process(values[place])
        return values

    return bind


def _process(column: Column[Any], dialect: Dialect) -> _Process:
    """Makes the driver's value of ours, as the column's type does."""
    return _as_text if isinstance(column.type, DateTime) else column.type.dialect_impl(dialect).bind_processor(dialect)


def _as_text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(" ", "microseconds")  # the type's own form, at a quarter of its cost
