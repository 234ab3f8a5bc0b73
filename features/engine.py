"""Opens the engine that runs the feature expressions. The only file that knows which engine runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import ibis
import pandas as pd

from features.contract import TABLES, Table
from features.errors import InputError
from features.home import Home

IBIS_TYPES = {"text": "string", "instant": "timestamp(6)", "number": "float64", "flag": "boolean", "json": "string"}


@dataclass(frozen=True)
class Tables:
    """The contract's tables as Ibis expressions; a table that is not there is empty, with the contract's columns."""

    orders: ibis.Table
    products: ibis.Table
    customers: ibis.Table
    events: ibis.Table
    decisions: ibis.Table
    outcomes: ibis.Table
    engine: ibis.BaseBackend


def connect(*, threads: int = 0, memory_limit: str = "") -> ibis.BaseBackend:
    """A DuckDB engine in memory. `threads` 0 takes all cores; `memory_limit` is DuckDB's own, e.g. "4GB", empty for its default."""
    engine = ibis.duckdb.connect()
    if threads:
        engine.raw_sql(f"SET threads = {int(threads)}")
    if memory_limit:
        engine.con.execute("SET memory_limit = $limit", {"limit": memory_limit})
    return engine


def open_tables(home: Home, *, threads: int = 0, memory_limit: str = "") -> Tables:
    """The home's Parquet tables, read lazily."""
    engine = connect(threads=threads, memory_limit=memory_limit)
    found = {name: _read(engine, home.table(name), name) for name in TABLES if home.table(name).exists()}
    return _tables(engine, found)


def _read(engine: ibis.BaseBackend, path: Path, name: str) -> ibis.Table:
    try:
        return engine.read_parquet(str(path), table_name=name)
    except duckdb.Error as error:
        problem = f"{path} cannot be read: {str(error).splitlines()[0]}."
        raise InputError(problem, remedy="Restore it from a backup, or remove it and ingest again.") from error


def tables_from_frames(frames: Mapping[str, pd.DataFrame]) -> Tables:
    """Contract tables from frames in memory, by table name; columns that a frame lacks are missing values."""
    engine = connect()
    found = {name: engine.create_table(name, _shaped(frame, TABLES[name]), temp=True) for name, frame in frames.items()}
    return _tables(engine, found)


def _tables(engine: ibis.BaseBackend, found: Mapping[str, ibis.Table]) -> Tables:
    every = {name: found[name] if name in found else engine.create_table(name, schema=_schema(t), temp=True) for name, t in TABLES.items()}
    return Tables(**every, engine=engine)


def _schema(table: Table) -> ibis.Schema:
    return ibis.schema({c.name: IBIS_TYPES[c.kind] for c in table.columns})


def _shaped(frame: pd.DataFrame, table: Table) -> ibis.Table:
    attributes = [name for name in frame.columns if name not in table.names]
    full = frame.reindex(columns=[*table.names, *attributes])
    schema = {c.name: IBIS_TYPES[c.kind] for c in table.columns}
    inferred = ibis.memtable(full[attributes]).schema() if attributes else {}
    typed = full.astype({c.name: _PANDAS_TYPES[c.kind] for c in table.columns})
    return ibis.memtable(typed, schema=ibis.schema({**schema, **dict(inferred)}))


_PANDAS_TYPES = {"text": "str", "instant": "datetime64[us]", "number": "float64", "flag": "boolean", "json": "str"}
