"""Opens the engine that runs the feature expressions: DuckDB, or Spark. Nobody else needs to know which one runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import ibis
import pandas as pd
import pyarrow as pa

from features import duck
from features.contract import TABLES, Table
from features.errors import InputError
from features.home import Home

Engine = Literal["duckdb", "spark"]
IBIS_TYPES: Final = {"text": "string", "instant": "timestamp(6)", "number": "float64", "flag": "boolean", "json": "string"}
ARROW_TYPES: Final[dict[str, pa.DataType]] = {
    "text": pa.string(),
    "instant": pa.timestamp("us"),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "json": pa.string(),
}


@dataclass(frozen=True)
class Tables:
    """The contract's tables as Ibis expressions; a table that is not there is empty, with the contract's columns.

    `timezone` is the shop's: days, hours and weekdays of features are those of its clocks.
    """

    orders: ibis.Table
    products: ibis.Table
    customers: ibis.Table
    events: ibis.Table
    decisions: ibis.Table
    outcomes: ibis.Table
    engine: ibis.BaseBackend
    timezone: str = "UTC"


def connect(*, threads: int = 0, memory_limit: str = "", engine: Engine = "duckdb", spark_master: str = "local[*]") -> ibis.BaseBackend:
    """An engine without tables.

    DuckDB runs in this program, on `threads` (0: all cores). Spark runs where `spark_master` says, which also says on how many cores.
    `memory_limit` is the engine's, e.g. "4GB", empty for its own default. InputError if Spark is not installed or does not start.
    """
    if engine == "duckdb":
        return duck.connect(threads=threads, memory_limit=memory_limit)
    try:
        from features.spark import session  # noqa: PLC0415 - Spark is an extra, and takes a second to load
    except ModuleNotFoundError as error:
        raise InputError(
            f"Spark is not installed ({error.name} is missing).", remedy="Install it: pip install 'nextbest[spark]'."
        ) from error
    return session.connect(spark_master, memory_limit=memory_limit)


def open_tables(
    home: Home, *, threads: int = 0, memory_limit: str = "", engine: Engine = "duckdb", spark_master: str = "local[*]"
) -> Tables:
    """The home's Parquet tables, read lazily; a column that is not required, and that a table lacks, is missing values."""
    opened = connect(threads=threads, memory_limit=memory_limit, engine=engine, spark_master=spark_master)
    found = {name: read_table(opened, home.table(name), table) for name, table in TABLES.items() if home.table(name).exists()}
    return replace(_tables(opened, found), timezone=home.timezone)


def tables_from_frames(frames: Mapping[str, pd.DataFrame], *, engine: Engine = "duckdb", spark_master: str = "local[*]") -> Tables:
    """Contract tables from frames in memory, by table name; columns that a frame lacks are missing values."""
    opened = connect(engine=engine, spark_master=spark_master)
    return _tables(opened, {name: hold(opened, name, _shaped(frame, TABLES[name])) for name, frame in frames.items()})


def hold(engine: ibis.BaseBackend, name: str, rows: pa.Table) -> ibis.Table:
    """These rows as a table of the engine, under `name`."""
    return duck.hold(engine, name, rows) if duck.is_duck(engine) else engine.hold(name, rows)


def read_table(engine: ibis.BaseBackend, path: Path, table: Table) -> ibis.Table:
    """A home's table from its file, read lazily; a column that is not required, and that the file lacks, is missing values.

    Raises InputError if the file cannot be read.
    """
    try:
        rows = engine.read_parquet(str(path), table_name=table.name)
    except Exception as error:  # each engine has its own
        problem = f"{path} cannot be read: {str(error).splitlines()[0].rstrip('.')}."
        raise InputError(problem, remedy="Restore it from a backup, or remove it and ingest again.") from error
    absent = {c.name: ibis.null(IBIS_TYPES[c.kind]) for c in table.columns if not c.required and c.name not in rows.columns}
    return rows.mutate(**absent) if absent else rows


def _tables(engine: ibis.BaseBackend, found: Mapping[str, ibis.Table]) -> Tables:
    every = {name: found[name] if name in found else hold(engine, name, _schema(t).empty_table()) for name, t in TABLES.items()}
    return Tables(**every, engine=engine)


def _schema(table: Table) -> pa.Schema:
    return pa.schema({c.name: ARROW_TYPES[c.kind] for c in table.columns})


def _shaped(frame: pd.DataFrame, table: Table) -> pa.Table:
    attributes = [name for name in frame.columns if name not in table.names]
    full = frame.reindex(columns=[*table.names, *attributes])
    typed = full.astype({c.name: _PANDAS_TYPES[c.kind] for c in table.columns})
    rows = pa.Table.from_pandas(typed, preserve_index=False).replace_schema_metadata(None)
    wanted = [ARROW_TYPES[table.column(f.name).kind] if f.name in table.names else _attribute_type(f.type) for f in rows.schema]
    return rows.cast(pa.schema([pa.field(name, kind) for name, kind in zip(rows.column_names, wanted, strict=True)]))


def _attribute_type(kind: pa.DataType) -> Any:
    if pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind


_PANDAS_TYPES = {"text": "str", "instant": "datetime64[us]", "number": "float64", "flag": "boolean", "json": "str"}
