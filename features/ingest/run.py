"""Ingestion: a shop's own files into the home's tables, all of them or none."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import ibis

from features.contract import LINE_KIND, ORDER_ID, ORDERS, RETURN, RETURNED_ORDER_ID, TABLES, Table
from features.engine import Engine, connect
from features.errors import InputError
from features.home import Home
from features.ingest.baskets import staged_baskets
from features.ingest.binding import kept_name
from features.ingest.derived import derive, fill
from features.ingest.given_files import sources_of
from features.ingest.mapping import OrdersMapping, SourceMapping, TableMapping
from features.ingest.report import Finding, Report, TableReport
from features.ingest.returned_orders import with_returned_orders
from features.ingest.staging import StagedFile, carried, stage
from features.ingest.terms import Terms
from features.ingest.workspace import workspace
from features.nearest import likely
from features.store import combine, replace_tables, shaped, stored, write

RETURNS_LINKED: Final = "return lines of the whole table linked to an order"
RETURNS_UNLINKED: Final = "return lines of the whole table without an earlier order of the product"
_MOST_MEMORY_BYTES: Final = 4 << 30  # more makes it hardly faster: what does not fit goes to the disk
_WAIT_SECONDS: Final = 10.0  # another ingestion of a small file is over by then; a longer one is better told than waited for


@dataclass(frozen=True)
class _Part:
    """A finished table beside the home's own, and what it was made of."""

    path: Path
    rows: int
    files: tuple[StagedFile, ...] = ()
    noted: tuple[Finding, ...] = ()


def ingest(
    home: Home,
    sources: Mapping[str, Sequence[Path]],
    mapping: SourceMapping | None = None,
    *,
    today: datetime,
    drop_bad_rows: bool = False,
    threads: int = 0,
    memory_limit: str = "",
    engine: Engine = "duckdb",
    spark_master: str = "local[*]",
    wait_seconds: float = _WAIT_SECONDS,
) -> Report:
    """Puts files (CSV, CSV.gz, text, Parquet) into the home's tables, and reports what was read, written, dropped and repaired.

    `sources` are files by table name, or folders: all CSV and Parquet files below. An order_id that the home knows is replaced with all
    its lines, rows of other tables by key, so that
    the same files change nothing. Order lines without customer are dropped and counted. Everything is read and checked before anything
    is replaced, and all tables are replaced or none. `today` (naive UTC) bounds what can have happened. One ingestion at a time: a second
    one waits `wait_seconds` for the first.

    Files are read and checked in this program, whatever the `engine`; Spark, at `spark_master`, puts them together with what the home holds,
    and sorts and writes the tables.

    Raises InputError, and leaves the home as it was, if a file, the mapping or a row cannot be used, or another ingestion is still running; bad
    rows are dropped and counted instead with `drop_bad_rows`.
    """
    mapping = mapping or SourceMapping()
    _check_sources(sources)
    # before any file is read, which may take long: a master at which nobody answers is told at once
    writer = None if engine == "duckdb" else connect(memory_limit=memory_limit, engine=engine, spark_master=spark_master)
    with workspace(home, wait_seconds=wait_seconds) as folder:
        reader = connect(threads=threads, memory_limit=memory_limit)
        try:
            bound_memory(reader, folder / "spill", given=memory_limit)
            terms = Terms(today, home.currency, drop_bad_rows, folder)
            staged = _all_staged(reader, home, sources, mapping, terms)
            parts = _parts(writer or reader, home, _carried(writer, staged, folder) if writer else staged, mapping, folder)
        finally:
            reader.disconnect()
            if writer:
                writer.disconnect()
        changed = replace_tables(home, {name: part.path for name, part in parts.items()})
    return Report(tuple(_reported(name, parts[name], changed=changed[name]) for name in TABLES if name in parts))


def bound_memory(engine: ibis.BaseBackend, spill: Path, *, given: str) -> None:
    """Lets the engine use the disk beside the home's tables, and no more memory than it needs if nobody said how much it may have."""
    is_shown = engine.raw_sql("SELECT current_setting('enable_progress_bar')").fetchall() != [(False,)]
    if is_shown:  # on the standard output, amid the command's result; in some notebooks it is off, and may not be set
        engine.raw_sql("SET enable_progress_bar = false")
    engine.raw_sql(f"SET temp_directory = '{str(spill).replace(chr(39), chr(39) * 2)}'")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if not given:
        engine.raw_sql(f"SET memory_limit = '{min(_MOST_MEMORY_BYTES, memory // 2)}B'")


def _all_staged(
    reader: ibis.BaseBackend, home: Home, sources: Mapping[str, Sequence[Path]], mapping: SourceMapping, terms: Terms
) -> dict[str, tuple[StagedFile, ...]]:
    for name in sources:
        _check_options(reader, name, mapping.table(name))
    _check_rates(mapping.orders, home.currency)
    return {name: _staged(reader, table, sources.get(name, ()), mapping, terms) for name, table in TABLES.items()}


def _carried(engine: ibis.BaseBackend, staged: Mapping[str, tuple[StagedFile, ...]], folder: Path) -> dict[str, tuple[StagedFile, ...]]:
    """The typed rows in another engine than the one that read the files: they go to it as Parquet files."""
    return {
        name: tuple(carried(engine, file, folder / f"{name}_{i}_typed.parquet") for i, file in enumerate(files))
        for name, files in staged.items()
    }


def _parts(
    engine: ibis.BaseBackend, home: Home, staged: Mapping[str, tuple[StagedFile, ...]], mapping: SourceMapping, folder: Path
) -> dict[str, _Part]:
    parts: dict[str, _Part] = {}
    for name, table in TABLES.items():
        rows = _combined(engine, home, table, staged[name])
        derivation = mapping.orders.derive.get(name, {}) if ORDERS.name in parts else {}
        if derivation:
            rows = _filled(engine, home, rows, table, derivation, mapping.orders, parts[ORDERS.name].path)
        if rows is not None and (staged[name] or derivation):
            path = write(shaped(table, rows), folder / f"{name}.parquet")
            count = int(engine.read_parquet(str(path)).count().to_pyarrow().as_py())
            noted = _returns(engine, path) if name == ORDERS.name else ()
            parts[name] = _Part(path, count, staged[name], noted)
    return parts


def _combined(engine: ibis.BaseBackend, home: Home, table: Table, staged: tuple[StagedFile, ...]) -> ibis.Table | None:
    """What the home holds with the staged rows put in; order lines that come from several places are put together once."""
    rows = stored(engine, home, table)
    is_alone = rows is None and len(staged) == 1
    for file in staged:
        if rows is not None and file.left_out is not None:
            rows = rows.anti_join(file.left_out, ORDER_ID)
        rows = combine(table, rows, file.rows)
    if rows is None or not staged or table.name != ORDERS.name:
        return rows
    whole = rows if is_alone else engine.create_table("orders_whole", rows, temp=True)
    return with_returned_orders(engine, whole)


def _returns(engine: ibis.BaseBackend, orders: Path) -> tuple[Finding, ...]:
    """How many return lines of the whole table are linked to an order, and how many are not."""
    lines = engine.read_parquet(str(orders))
    returned = lines.filter(lines[LINE_KIND] == RETURN)
    found = returned.aggregate(n=returned.count(), linked=returned[RETURNED_ORDER_ID].count()).to_pyarrow().to_pylist()[0]
    counts = {RETURNS_LINKED: found["linked"], RETURNS_UNLINKED: found["n"] - found["linked"]}
    return tuple(Finding(reason, n, orders.name) for reason, n in counts.items() if n)


def _staged(engine: ibis.BaseBackend, table: Table, paths: Sequence[Path], mapping: SourceMapping, terms: Terms) -> tuple[StagedFile, ...]:
    part = mapping.table(table.name)
    if paths and isinstance(part, OrdersMapping) and part.heads:
        return staged_baskets(engine, paths, part, part.heads, terms)
    sources = [source for path in paths for source in sources_of(path)]
    return tuple(stage(engine, source, table, part, terms, name=f"{table.name}_{i}") for i, source in enumerate(sources))


def _filled(
    engine: ibis.BaseBackend,
    home: Home,
    rows: ibis.Table | None,
    table: Table,
    derivation: Mapping[str, str],
    part: OrdersMapping,
    orders: Path,
) -> ibis.Table:
    columns = {column: kept_name(ORDERS.names, part, source) for column, source in derivation.items()}
    after = engine.read_parquet(str(orders))
    before = stored(engine, home, ORDERS)
    known = before is not None and set(columns.values()) <= set(before.columns)
    earlier = derive(before, table, columns) if known else None
    return fill(rows, earlier, derive(after, table, columns), table.key[0])


def _check_sources(sources: Mapping[str, Sequence[Path]]) -> None:
    for name in sources:
        if name not in TABLES:
            raise InputError(f"There is no table {name!r}{likely(name, TABLES)}.", remedy=f"Tables: {', '.join(TABLES)}.")
    if not any(sources.values()):
        raise InputError("There is nothing to ingest.", remedy=f"Name at least one file of {', '.join(TABLES)}.")


def _check_rates(part: OrdersMapping, currency: str) -> None:
    if part.currencies.get(currency, 1) != 1:
        problem = f"orders.currencies: {currency} is the home's own currency, and its rate is not 1."
        raise InputError(problem, remedy=f"Leave {currency} out; a rate says how many {currency} one piece of another currency is.")


def _check_options(engine: ibis.BaseBackend, name: str, part: TableMapping) -> None:
    """Time zone, patterns and date formats must mean something to the engine, too."""
    zones = [name for (name,) in engine.raw_sql("SELECT name FROM pg_timezone_names()").fetchall()]
    if part.timezone not in zones:
        known = likely(part.timezone, zones)
        raise InputError(f"{name}.timezone: {part.timezone!r} is no time zone{known}.", remedy="Use a name like Asia/Ho_Chi_Minh.")
    patterns: tuple[str | None, ...] = ()
    if isinstance(part, OrdersMapping):
        patterns = (part.cancelled_order_pattern, part.product_pattern, *part.leave_out.values())
    for pattern in filter(None, patterns):
        try:
            engine.execute(ibis.literal("x").re_search(pattern))
        except Exception as error:  # the engine's own class of errors is known to features.engine alone
            raise InputError(f"{name}: the pattern {pattern!r} is not understood.", remedy="Use RE2 syntax (no look-around).") from error
    given = part.date_format
    for date_format in (given,) if isinstance(given, str) else given or ():
        try:
            engine.execute(ibis.literal("1").as_timestamp(date_format))
        except Exception as error:
            if "parse format specifier" in str(error):  # not that "1" is no such date
                problem = f"{name}: the date_format {date_format!r} is not understood."
                raise InputError(problem, remedy='Write it like "%d/%m/%Y %H:%M".') from error


def _reported(name: str, part: _Part, *, changed: bool) -> TableReport:
    def every(kind: str) -> tuple[Finding, ...]:
        return tuple(finding for file in part.files for finding in getattr(file, kind))

    return TableReport(
        table=name,
        files=tuple(str(file.path) for file in part.files),
        rows_read=sum(file.rows_read for file in part.files),
        rows_written=sum(file.rows_kept for file in part.files),
        rows_now=part.rows,
        changed=changed,
        dropped=every("dropped"),
        repaired=every("repaired"),
        noted=(*every("noted"), *part.noted),
    )
