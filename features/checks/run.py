"""Contract checks: every table of a home against the contract, each check PASS, WARN or FAIL with a count and the first offender."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import ibis

from features.checks.findings import Check, Rule, only_row
from features.checks.keys import key_checks, unique_key
from features.checks.laws import tried
from features.checks.missing import consent_laws, missing_laws
from features.checks.orders import order_checks, order_days
from features.checks.outliers import outlier_checks
from features.checks.price_levels import price_level_check
from features.checks.references import reference_checks
from features.checks.times import time_checks
from features.checks.values import value_laws
from features.checks.volume import event_volume_checks, order_volume_checks
from features.contract import CUSTOMERS, DECISIONS, EVENTS, ORDERS, TABLES, Table
from features.engine import IBIS_TYPES, Engine, connect
from features.errors import InputError
from features.home import Home
from features.store import stored

__all__ = ["Check", "check"]


def check(
    home: Home,
    *,
    today: datetime,
    threads: int = 0,
    memory_limit: str = "",
    engine: Engine = "duckdb",
    spark_master: str = "local[*]",
) -> list[Check]:
    """Every check of every table that the home has, in the contract's order; `today` (naive UTC) bounds what can have happened.

    What runs it, where and within what is said as to `features.engine.connect`; beyond the limit it works on the disk.
    A home without any table gives one FAIL. A table that cannot be read, lacks a column or has one of another type gives a FAIL, and is
    checked no further.
    """
    opened = connect(threads=threads, memory_limit=memory_limit, engine=engine, spark_master=spark_master)
    try:
        return list(_checks(opened, home, today))
    finally:
        opened.disconnect()


def _checks(engine: ibis.BaseBackend, home: Home, today: datetime) -> Iterator[Check]:
    if not any(home.table(name).exists() for name in TABLES):
        meaning = "The home has no table at all."
        yield Rule("", "there is data", "FAIL", meaning, "Run nextbest ingest --orders FILE.").broken(0)
        return
    whole: dict[str, ibis.Table] = {}
    for name, table in TABLES.items():
        if not home.table(name).exists():
            continue
        rows, found = _opened(engine, home, table)
        yield from found
        if rows is not None:
            whole[name] = rows
    filled = {name: rows for name, rows in whole.items() if only_row(rows.aggregate(n=rows.count()))["n"]}
    yield _something_to_learn_from(filled)
    for name in whole:
        yield _has_rows(name, name in filled)
    for name, rows in filled.items():
        yield from _of_table(TABLES[name], rows, whole, home.currency, today)
    yield from time_checks(filled)


def _opened(engine: ibis.BaseBackend, home: Home, table: Table) -> tuple[ibis.Table | None, list[Check]]:
    """The table, if it can be read and has the contract's shape, and what was found about that."""
    readable = Rule(table.name, "can be read", "FAIL", "The table's file is damaged.")
    try:
        rows = stored(engine, home, table)
    except InputError as error:
        return None, [Rule(readable.table, readable.name, "FAIL", readable.description, error.remedy).broken(1, error.problem)]
    if rows is None:
        return None, []
    shape = _shape(table, rows)
    return rows if shape.status == "PASS" else None, [readable.passed(), shape]


def _shape(table: Table, rows: ibis.Table) -> Check:
    wrong = []
    for column in table.columns:
        wanted = ibis.dtype(IBIS_TYPES[column.kind])
        if column.name not in rows.columns:
            wrong.append(f"{column.name} is missing")
        elif not _same_type(rows[column.name].type(), wanted):
            wrong.append(f"{column.name} is {rows[column.name].type()}, not {wanted}")
    rule = Rule(
        table.name,
        "columns and types are the contract's",
        "FAIL",
        "Required columns of the contract that are missing, and columns of another type.",
        "Ingest the table's files again; do not write its Parquet file by hand.",
    )
    return rule.tried(len(wrong), wrong[0] if wrong else "")


def _same_type(found: Any, wanted: Any) -> bool:
    if found.is_timestamp() and found.scale is None:  # Spark counts microseconds always, and does not say so
        found = found.copy(scale=6)
    return bool(found.copy(nullable=True) == wanted)


def _something_to_learn_from(filled: Mapping[str, ibis.Table]) -> Check:
    remedy = "Run nextbest ingest with --orders FILE, or with --decisions FILE and --outcomes FILE."
    rule = Rule("", "there is at least one order or decision", "FAIL", "Nothing could be learned from the home.", remedy)
    return rule.passed() if ORDERS.name in filled or DECISIONS.name in filled else rule.broken(0)


def _has_rows(name: str, filled: bool) -> Check:
    rule = Rule(name, "has rows", "WARN", "The table is there, and empty.", "Ingest its files again, or remove the table.")
    return rule.passed() if filled else rule.broken(0)


def _of_table(table: Table, rows: ibis.Table, whole: Mapping[str, ibis.Table], currency: str, today: datetime) -> Iterator[Check]:
    consent = consent_laws(rows) if table is CUSTOMERS else ()
    yield from tried(table, rows, [*value_laws(table, rows, currency=currency, today=today), *missing_laws(table, rows), *consent])
    if table is not ORDERS:
        yield unique_key(table, rows)
    yield from key_checks(table, rows)
    yield from reference_checks(table, rows, whole)
    if table is ORDERS:
        yield from _of_orders(rows)
    if table is EVENTS:
        yield from event_volume_checks(rows)


def _of_orders(rows: ibis.Table) -> Iterator[Check]:
    days = order_days(rows)
    yield from order_checks(days)
    yield from order_volume_checks(days)
    yield from outlier_checks(rows)
    yield price_level_check(rows)
