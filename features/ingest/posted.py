"""Rows that were posted to a server, put into the home's tables: checked as files are, and written by the same code, all tables or none.

Posted rows come typed, as Parquet files in the contract's columns: nothing in them is repaired, so that they keep the keys under which they
were accepted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from features.contract import CUSTOMERS, ORDER_ID, ORDERS, POSTED_LINE, TABLES, Table
from features.engine import ARROW_TYPES, connect
from features.home import Home
from features.ingest.order_instants import MOVED, placed_at_once
from features.ingest.returned_orders import with_returned_orders
from features.ingest.row_checks import problems, text_name
from features.ingest.run import bound_memory
from features.store import PUT, combine, put_over, replace_tables, shaped, stored, write

_PROBLEM: Final = "__problem"


@dataclass(frozen=True)
class Put:
    """What became of one table's posted rows: how many were given, which keys were refused and why, and what the home holds now.

    `replaced` are lines of files whose orders were posted: what is posted stands in their place.
    """

    given: int
    rows_now: int
    changed: bool
    refused: Mapping[str, int] = field(default_factory=dict)
    refused_keys: frozenset[tuple[Any, ...]] = frozenset()
    replaced: int = 0


@dataclass(frozen=True)
class _Part:
    path: Path
    put: dict[str, Any]


def row_key(table: Table) -> tuple[str, ...]:
    """The columns that name one posted row of the table."""
    return (ORDER_ID, POSTED_LINE) if table.name == ORDERS.name else table.key


def write_rows(path: Path, schema: pa.Schema, batches: Iterable[Sequence[Mapping[str, Any]]]) -> int:
    """Writes batches of rows as one Parquet file, and returns how many rows there were. A column that a row lacks is missing."""
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as file:
        for batch in batches:
            file.write_table(pa.Table.from_pylist(list(batch), schema))
            count += len(batch)
    return count


def posted_schema(table: Table) -> pa.Schema:
    """The contract's columns of this table."""
    return pa.schema({c.name: ARROW_TYPES[c.kind] for c in table.columns})


def put_posted(
    home: Home, folder: Path, files: Mapping[str, Path], *, today: datetime, threads: int = 0, memory_limit: str = ""
) -> dict[str, Put]:
    """Puts posted rows (a file by table name, as `write_rows` makes it) into the home's tables; says what became of them, by table.

    Rows are put in by their keys: the same again changes nothing. A posted line replaces the line of the same order and number, and the
    lines of files that have its order_id; the other posted lines of the order stay. Customers' files have a flag `PUT` + name for every column that
    was put. Rows that no home may hold are left out and told. The caller holds the home's lock; `folder` lies on the home's disk
    (`features.ingest.workspace`). `today` (naive UTC) bounds what can have happened.
    """
    if not files:
        return {}
    engine = connect(threads=threads, memory_limit=memory_limit)
    try:
        bound_memory(engine, folder / "spill", given=memory_limit)
        parts = {name: _part(engine, home, TABLES[name], files[name], folder, today) for name in TABLES if name in files}
    finally:
        engine.disconnect()
    changed = replace_tables(home, {name: part.path for name, part in parts.items()})
    return {name: Put(changed=changed[name], **part.put) for name, part in parts.items()}


def known_events(tables_events: ibis.Table, event_ids: Sequence[str]) -> list[str]:
    """Those of these ids that the table of events has."""
    asked = ibis.memtable(pa.table({"event_id": pa.array(event_ids, pa.string())}))
    found: list[str] = tables_events.semi_join(asked, "event_id").select("event_id").to_pyarrow()["event_id"].to_pylist()
    return found


def _part(engine: ibis.BaseBackend, home: Home, table: Table, file: Path, folder: Path, today: datetime) -> _Part:
    given = engine.read_parquet(str(file), table_name=f"posted_{table.name}")
    judged = engine.create_table(f"judged_{table.name}", _judged(given, table, home.currency, today), temp=True)
    refused = judged.filter(judged[_PROBLEM].notnull()).select(*row_key(table), _PROBLEM).to_pyarrow().to_pylist()
    good = judged.filter(judged[_PROBLEM].isnull()).drop(_PROBLEM)
    old = stored(engine, home, table)
    rows, replaced = _combined(engine, table, old, good)
    path = write(shaped(table, rows), folder / f"{table.name}.parquet")
    reasons: dict[str, int] = {}
    for row in refused:
        reasons[row[_PROBLEM]] = reasons.get(row[_PROBLEM], 0) + 1
    keys = frozenset(tuple(row[c] for c in row_key(table)) for row in refused)
    return _Part(
        path,
        {
            "given": pq.read_metadata(file).num_rows,
            "rows_now": pq.read_metadata(path).num_rows,
            "refused": reasons,
            "refused_keys": keys,
            "replaced": replaced,
        },
    )


def _judged(given: ibis.Table, table: Table, currency: str, today: datetime) -> ibis.Table:
    """The rows with what is wrong with each, or nothing."""
    columns = [c for c in table.columns if c.name in given.columns]
    rows = given.mutate(**{text_name(c.name): ibis.null("string") for c in columns})
    texts = {c.name: rows[text_name(c.name)] for c in columns}
    found = list(problems(rows, table, columns, texts, today=today, currencies=(currency,)))
    told = ibis.cases(*((p.holds, ibis.literal(p.reason)) for p in found)) if found else ibis.null("string")
    return rows.mutate(**{_PROBLEM: told}).drop(*(text_name(c.name) for c in columns))


def _combined(engine: ibis.BaseBackend, table: Table, old: ibis.Table | None, good: ibis.Table) -> tuple[ibis.Table, int]:
    if table.name == CUSTOMERS.name:
        return put_over(table, old, good), 0
    if table.name != ORDERS.name:
        return combine(table, old, good), 0
    whole = engine.create_table("posted_whole", _whole_orders(old, good), temp=True)
    replaced = 0
    if old is not None:
        lost = old.filter(old[POSTED_LINE].isnull()).semi_join(whole, ORDER_ID)
        replaced = int(lost.count().to_pyarrow().as_py())
    rows = engine.create_table("orders_whole", combine(table, old, whole), temp=True)
    return with_returned_orders(engine, rows), replaced


def _whole_orders(old: ibis.Table | None, posted: ibis.Table) -> ibis.Table:
    """The posted lines with the others of their orders that were posted earlier; every order at one time, as files have it."""
    lines = posted
    if old is not None:
        earlier = old.filter(old[POSTED_LINE].notnull()).semi_join(posted, ORDER_ID).anti_join(posted, [ORDER_ID, POSTED_LINE])
        names = [c for c in old.columns if c in posted.columns]
        extra = [c for c in old.columns if c not in posted.columns]
        given = posted.select(*names, **{c: ibis.null(old[c].type()) for c in extra})
        lines = ibis.union(given, earlier.select(*names, *extra))
    return placed_at_once(lines).drop(MOVED)


__all__ = ["PUT", "Put", "known_events", "posted_schema", "put_posted", "row_key", "write_rows"]
