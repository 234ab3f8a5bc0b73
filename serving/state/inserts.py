"""Inserts that may be repeated: a row whose key is there already is left as it is."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Key = tuple[Hashable, ...]


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[Key]:
    """Inserts the rows whose primary key is new and returns the keys of those; the first of equal keys wins.

    Rows go in by ascending key: two transactions that bring the same rows in different order would wait for each other.
    """
    if not rows:
        return set()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    return {tuple(row) for row in connection.execute(statement, _by_key(table, rows))}


def insert_many(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[Key]:
    """The same for thousands of rows, each with every column: PostgreSQL takes them by COPY, in a quarter of the time.

    COPY cannot leave out what is there: it fills a table of this transaction, from which the new rows are inserted.
    """
    if not rows or connection.dialect.name != "postgresql":
        return insert_new(connection, table, rows)
    names, key = (", ".join(column.name for column in columns) for columns in (table.columns, table.primary_key))
    brought = f"brought_{table.name}"
    cursor: Any = connection.connection.cursor()
    cursor.execute(f"CREATE TEMPORARY TABLE {brought} (LIKE {table.name}) ON COMMIT DROP")
    with cursor.copy(f"COPY {brought} ({names}) FROM STDIN") as copy:
        for row in _bound(connection, table, _by_key(table, rows)):
            copy.write_row(row)
    in_order = f"SELECT {names} FROM {brought} ORDER BY ctid"  # noqa: S608  # our own names; ctid rises as rows are brought
    cursor.execute(f"INSERT INTO {table.name} ({names}) {in_order} ON CONFLICT DO NOTHING RETURNING {key}")
    new = {tuple(row) for row in cursor.fetchall()}
    cursor.execute(f"DROP TABLE {brought}")
    return new


def _by_key(table: Table, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    key = [column.name for column in table.primary_key]
    return sorted(rows, key=lambda row: [row[name] for name in key])


def _bound(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> Iterable[tuple[Any, ...]]:
    """The rows as the driver takes them, made by the columns' own types."""
    columns = [(column.name, column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)) for column in table.columns]
    return (tuple(row[name] if process is None else process(row[name]) for name, process in columns) for row in rows)
