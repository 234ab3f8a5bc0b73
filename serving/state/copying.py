"""Writes many new rows at once, as fast as the database takes them: COPY on PostgreSQL, the driver's own executemany on SQLite.

It is for rows whose keys are new: one that is there already ends the transaction. Values are the driver's: JSON as bytes of text, instants as
naive datetimes.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Date, DateTime, Float, Integer, LargeBinary, Table, Text

_TYPES: Final = {
    BigInteger: "int8",
    Integer: "int4",
    Float: "float8",
    Boolean: "bool",
    DateTime: "timestamp",
    Date: "date",
    LargeBinary: "bytea",
    JSON: "bytea",  # what arrives is the text's bytes
    Text: "text",
}


def copy_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Inserts the rows, each the values of these columns."""
    write = _on_postgresql if connection.dialect.name == "postgresql" else _on_sqlite
    write(connection, table, columns, rows)


def _on_sqlite(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608  # our own names
    timed = [place for place, name in enumerate(columns) if isinstance(table.c[name].type, DateTime | Date)]
    texts = [place for place, name in enumerate(columns) if isinstance(table.c[name].type, JSON)]
    _driver(connection).executemany(statement, (_plain(row, timed, texts) for row in rows))


def _plain(row: Sequence[Any], timed: Sequence[int], texts: Sequence[int]) -> Sequence[Any]:
    """Instants and dates in the form in which SQLAlchemy's types keep them; JSON as text."""
    values = list(row)
    for place in timed:
        values[place] = _as_text(row[place])
    for place in texts:
        values[place] = None if row[place] is None else row[place].decode()
    return values


def _as_text(value: datetime | date | None) -> str | None:
    if value is None:
        return None
    return value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value.isoformat()


def _on_postgresql(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    with _driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([_type(table.c[name]) for name in columns])
        for row in rows:
            copy.write_row(row)


def _type(column: Column[Any]) -> str:
    return next((name for kind, name in _TYPES.items() if isinstance(column.type, kind)), "varchar")


def _driver(connection: Connection) -> Any:
    """The driver's own connection, within the transaction that was begun."""
    return connection.connection.driver_connection
