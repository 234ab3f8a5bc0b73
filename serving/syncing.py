"""Moves what was posted into the home's history, so that training, features and publishing see it: nothing lost, nothing doubled.

The order of the steps makes it safe to be killed anywhere: rows are written to the home's tables by their keys, all tables or none; then they are
marked as being there; and they leave the state database when a publication that holds them becomes visible (`serving.held`). Killed before the
marks, the same rows are written again, which changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from features.contract import (
    CUSTOMER_ID,
    CUSTOMERS,
    DECISION_ID,
    DECISIONS,
    EVENT_ID,
    EVENTS,
    ORDER_ID,
    ORDERS,
    OUTCOMES,
    POSTED_LINE,
    VISITOR_ID,
)
from features.home import Home
from features.ingest.posted import Put, put_posted
from features.ingest.workspace import workspace
from features.profiles import consent_columns
from serving.posted_files import Written, write_posted
from serving.state import synced
from serving.state.database import State

WAIT_SECONDS: Final = 60.0
_MARKS: Final = 2_000
_ID: Final = {ORDERS.name: ORDER_ID, EVENTS.name: EVENT_ID, DECISIONS.name: DECISION_ID, OUTCOMES.name: EVENT_ID}
_WHOSE: Final = (CUSTOMER_ID, VISITOR_ID)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Moved:
    """One table: rows that are new in the home's history, refused rows by reason (they stay posted), lines of files that posted orders replaced."""

    rows: int
    rows_now: int
    refused: Mapping[str, int] = field(default_factory=dict)
    replaced: int = 0


@dataclass(frozen=True)
class Synced:
    """What a sync did, by table, and the channels whose consent stays in the state database alone."""

    tables: Mapping[str, Moved]
    unknown_channels: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the home's history has anything new."""
        return any(moved.rows for moved in self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        tables = {
            name: {"rows": moved.rows, "rows_now": moved.rows_now, "refused": dict(moved.refused), "replaced": moved.replaced}
            for name, moved in self.tables.items()
        }
        return {"tables": tables, "unknown_channels": list(self.unknown_channels)}


def sync(
    state: State,
    home: Home,
    *,
    today: datetime,
    threads: int = 0,
    memory_limit: str = "",
    wait_seconds: float = WAIT_SECONDS,
    progress: Progress = lambda _: None,
) -> Synced:
    """Brings posted order lines, events, decisions about customers, their outcomes, and put profiles and consents into the home's tables.

    Safe beside live servers, which read and write as before, and to be killed and run again. Decisions and outcomes stay in the state database,
    too: contact limits, replay and budgets read them there. `progress` is told each step. Raises InputError, and changes nothing, if somebody
    else changes the home's tables for longer than `wait_seconds`.
    """
    with workspace(home, wait_seconds=wait_seconds) as folder:
        progress("read what was posted")
        with state.reading() as connection:
            sync_id = synced.last_sync(connection) + 1
            written = write_posted(connection, folder, consent_columns(home))
        progress("write the tables")
        put = put_posted(home, folder, written.files, today=today, threads=threads, memory_limit=memory_limit)
        progress("mark what is written")
        moved = {name: _moved(state, name, each, written, sync_id) for name, each in put.items()}
    return Synced(moved, tuple(sorted(written.unknown_channels)))


def _moved(state: State, table: str, put: Put, written: Written, sync_id: int) -> Moved:
    if table == CUSTOMERS.name:
        count = put.given if put.changed else 0
    else:
        count = sum(_marked(state, table, rows, sync_id) for rows in _keys(written.files[table], table, put.refused_keys))
    return Moved(count, put.rows_now, put.refused, put.replaced)


def _marked(state: State, table: str, rows: list[tuple[str, int, str]], sync_id: int) -> int:
    with state.writing() as connection:
        return synced.mark(connection, table, rows, sync_id)


def _keys(file: Path, table: str, refused: frozenset[tuple[Any, ...]]) -> Iterator[list[tuple[str, int, str]]]:
    """(row_id, line, whose) of the file's rows that were not refused, in batches."""
    read = pq.ParquetFile(file)
    columns = [c for c in (_ID[table], POSTED_LINE, *_WHOSE) if c in read.schema_arrow.names]
    for batch in read.iter_batches(_MARKS, columns=columns):
        yield [_key(row, table) for row in batch.to_pylist() if _refusable(row, table) not in refused]


def _refusable(row: Mapping[str, Any], table: str) -> tuple[Any, ...]:
    return (row[ORDER_ID], row[POSTED_LINE]) if table == ORDERS.name else (row[_ID[table]],)


def _key(row: Mapping[str, Any], table: str) -> tuple[str, int, str]:
    whose = next((row[name] for name in _WHOSE if row.get(name)), "")
    return row[_ID[table]], int(row[POSTED_LINE]) if table == ORDERS.name else 0, whose
