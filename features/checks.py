"""Contract checks: every table of a home against the contract, each check PASS, WARN or FAIL with a count and the first offender."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import ibis
from ibis import _

from features.contract import DECISIONS, ORDERS, TABLES, Table
from features.engine import IBIS_TYPES, connect
from features.errors import InputError
from features.home import Home
from features.store import stored
from features.value_checks import MEND, Law, laws

Status = Literal["PASS", "WARN", "FAIL"]


@dataclass(frozen=True)
class Check:
    """One check: what must hold, whether it does, how many rows break it, the first that does, and what to do."""

    name: str
    status: Status
    count: int = 0
    first: str = ""
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return asdict(self)


def check(home: Home, *, today: datetime) -> list[Check]:
    """Every check of every table that the home has, in the contract's order; `today` (naive UTC) bounds what can have happened.

    A home without any table gives one FAIL. A table that cannot be read, lacks a column or has one of another type gives a FAIL, and is
    checked no further.
    """
    engine = connect()
    try:
        return list(_checks(engine, home, today))
    finally:
        engine.disconnect()


def _checks(engine: ibis.BaseBackend, home: Home, today: datetime) -> Iterator[Check]:
    if not any(home.table(name).exists() for name in TABLES):
        yield Check("there is data", "FAIL", remedy="Run nextbest ingest --orders FILE.")
        return
    whole: dict[str, ibis.Table] = {}
    for name, table in TABLES.items():
        try:
            rows = stored(engine, home, table)
        except InputError as error:
            yield Check(f"{name}: can be read", "FAIL", 1, error.problem, error.remedy)
            continue
        if rows is None:
            continue
        shape = _shape(table, rows)
        yield shape
        if shape.status == "PASS":
            whole[name] = rows
    yield _something_to_learn_from(whole)
    for name, rows in whole.items():
        yield from _of_table(TABLES[name], rows, whole, home.currency, today)


def _shape(table: Table, rows: ibis.Table) -> Check:
    """Every column of the contract is there, with its type."""
    wrong = []
    for column in table.columns:
        wanted = ibis.dtype(IBIS_TYPES[column.kind])
        if column.name not in rows.columns:
            wrong.append(f"{column.name} is missing")
        elif rows[column.name].type().copy(nullable=True) != wanted:
            wrong.append(f"{column.name} is {rows[column.name].type()}, not {wanted}")
    name = f"{table.name}: columns and types are the contract's"
    return (
        Check(name, "FAIL", len(wrong), wrong[0], "Ingest the table's files again; do not write its Parquet file by hand.")
        if wrong
        else _passed(name)
    )


def _something_to_learn_from(whole: dict[str, ibis.Table]) -> Check:
    name = "there is at least one order or decision"
    for table in (ORDERS.name, DECISIONS.name):
        if table in whole and _number(whole[table].count()):
            return _passed(name)
    return Check(name, "FAIL", 0, remedy="Run nextbest ingest with --orders FILE, or with --decisions FILE and --outcomes FILE.")


def _of_table(table: Table, rows: ibis.Table, whole: dict[str, ibis.Table], currency: str, today: datetime) -> Iterator[Check]:
    if not _number(rows.count()):
        yield Check(f"{table.name}: has rows", "WARN", 0, remedy="Ingest its files again, or remove the table.")
        return
    yield from _tried(table, rows, laws(table, rows, currency=currency, today=today))
    if table.name != ORDERS.name:
        yield _unique(table, rows)
    yield from _references(table, rows, whole)


def _tried(table: Table, rows: ibis.Table, every: Iterable[Law]) -> Iterator[Check]:
    """All laws of a table in one pass over it, and a second one for the offenders."""
    tried = {f"law{i}": law for i, law in enumerate(every)}
    marked = rows.select(**{mark: law.broken.fill_null(False) for mark, law in tried.items()})
    counts = _row(marked.aggregate(**{mark: marked[mark].sum().fill_null(0) for mark in tried}))
    broken = {mark: law for mark, law in tried.items() if counts[mark]}
    firsts = _row(_offenders(table, rows, broken)) if broken else {}
    for mark, law in tried.items():
        name = f"{table.name}: {law.name}"
        yield Check(name, law.severity, int(counts[mark]), firsts[mark] or "", law.remedy) if mark in broken else _passed(name)


def _offenders(table: Table, rows: ibis.Table, broken: Mapping[str, Law]) -> ibis.Table:
    """Per law the oldest row that breaks it, in words; where no such row has an instant, the first by alphabet."""
    at = rows[table.instant] if table.instant else rows[table.key[0]]
    said = {mark: law.broken.ifelse(law.offender, ibis.null("string")) for mark, law in broken.items()}
    shown = rows.select(__at=at, **said)
    oldest = {mark: shown[mark].argmin(shown["__at"], where=shown[mark].notnull()) for mark in broken}
    return shown.aggregate(**{mark: ibis.coalesce(oldest[mark], shown[mark].min()) for mark in broken})


def _unique(table: Table, rows: ibis.Table) -> Check:
    (key,) = table.key
    name = f"{table.name}: {key} is unique"
    again = rows.group_by(key).aggregate(n=_.count()).filter(_.n > 1)
    count = _number((again.n - 1).sum().fill_null(0))
    first = again[key].min().to_pyarrow().as_py() if count else None
    return Check(name, "FAIL", count, f"{key} {first}", MEND) if count else _passed(name)


def _references(table: Table, rows: ibis.Table, whole: dict[str, ibis.Table]) -> Iterator[Check]:
    """Products, customers and decisions that are spoken of are in their tables, where there are such tables."""
    spoken = {
        ORDERS.name: (("products", "product_id"), ("customers", "customer_id")),
        "events": (("products", "product_id"), ("decisions", "decision_id")),
        "outcomes": (("decisions", "decision_id"),),
        "decisions": (("customers", "customer_id"),),
    }
    for other, key in spoken.get(table.name, ()):
        if other in whole:
            yield _orphans(table, rows, whole[other], other, key)
        elif table.name == "outcomes":
            yield Check("outcomes: decisions are known", "WARN", _number(rows.count()), "", "Ingest the decisions, too.")


def _orphans(table: Table, rows: ibis.Table, others: ibis.Table, other: str, key: str) -> Check:
    name = f"{table.name}: {other} are known"
    said = rows.filter(rows.line_kind != "fee") if table.name == ORDERS.name and other == "products" else rows
    missing = said.filter(said[key].notnull()).anti_join(others, key)
    found = _row(missing.aggregate(n=_.count(), first=_[key].min()))
    return (
        Check(name, "WARN", found["n"], f"{key} {found['first']}", f"Ingest the {other} that are missing.") if found["n"] else _passed(name)
    )


def _row(table: ibis.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row


def _number(expression: Any) -> int:
    return int(expression.to_pyarrow().as_py())


def _passed(name: str) -> Check:
    return Check(name, "PASS")
