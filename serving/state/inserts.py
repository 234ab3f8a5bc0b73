"""Inserts that may be repeated: a row whose key is there already is left as it is."""

from collections.abc import Hashable, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[tuple[Hashable, ...]]:
    """Inserts the rows whose primary key is new and returns the keys of those; the first of equal keys wins.

    Rows go in by ascending key: two transactions that bring the same rows in different order would wait for each other.
    """
    if not rows:
        return set()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    key = [column.name for column in table.primary_key]
    ordered = sorted(rows, key=lambda row: [row[name] for name in key])
    statement = dialect.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    return {tuple(row) for row in connection.execute(statement, ordered)}
