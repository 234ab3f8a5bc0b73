"""One source as rows of a contract table, still unwritten: cast, completed, checked, with what was dropped and repaired."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import ibis
from ibis import _

from features.contract import FEE, LINE_KIND, ORDER_ID, ORDERS, PRODUCT_ID, QUANTITY, RETURN, UNIT_PRICE, Table
from features.errors import InputError
from features.fingerprints import fingerprint, repeated
from features.ingest.binding import Binding, bind
from features.ingest.casting import attribute, looks_numeric
from features.ingest.given_files import Source
from features.ingest.mapping import OrdersMapping, TableMapping
from features.ingest.order_instants import AT_ONCE, MOVED, at_different_times, placed_at_once
from features.ingest.order_rows import filled_down
from features.ingest.reading import ROW, Place, RawFile, counted, numbered, read_source
from features.ingest.report import Finding
from features.ingest.row_checks import ANONYMOUS, LEFT_OUT, MISFIT, remedy
from features.ingest.terms import Terms
from features.ingest.typed_rows import BETWEEN, PROBLEM, REPAIRS, TOLD, TypedRows, typed_rows

REPEATED: Final = "rows whose key stands again further down (the last row counts)"
EQUAL_LINES: Final = "equal lines, kept"
UNREAD: Final = "files that are neither CSV nor Parquet by their names, not read"
_KINDS: Final = {"return lines": RETURN, "fee lines": FEE}


@dataclass(frozen=True)
class StagedFile:
    """A source's rows that may be written (the contract's columns that it has, and its attributes), and what was found in it.

    `left_out` has the order_id of orders that the mapping leaves out: what the home knows of them is no longer so.
    """

    path: Path
    rows: ibis.Table
    rows_read: int
    rows_kept: int
    dropped: tuple[Finding, ...]
    repaired: tuple[Finding, ...]
    noted: tuple[Finding, ...]
    left_out: ibis.Table | None = None


def stage(engine: ibis.BaseBackend, source: Source, table: Table, part: TableMapping, terms: Terms, *, name: str) -> StagedFile:
    """Reads one source of a table into the engine, under `name`.

    Raises InputError if the source cannot be used, if a row is bad (unless `terms.drop_bad_rows`), or if no row is left.
    """
    return stage_rows(engine, read_source(engine, source, part, workspace=terms.workspace, name=name), table, part, terms, name=name)


def stage_rows(engine: ibis.BaseBackend, raw: RawFile, table: Table, part: TableMapping, terms: Terms, *, name: str) -> StagedFile:
    """`stage` for a source that has been opened as `name`, which is closed at the end."""
    try:
        return _staged(engine, raw, table, part, terms, name)
    finally:
        raw.close()


def carried(engine: ibis.BaseBackend, file: StagedFile, place: Path) -> StagedFile:
    """The same rows in another engine, by way of Parquet files at `place` and beside it."""

    def there(rows: ibis.Table, path: Path) -> ibis.Table:
        rows.to_parquet(str(path))
        return engine.read_parquet(str(path))

    left_out = None if file.left_out is None else there(file.left_out, place.with_suffix(".left_out.parquet"))
    return replace(file, rows=there(file.rows, place), left_out=left_out)


def _staged(engine: ibis.BaseBackend, raw: RawFile, table: Table, part: TableMapping, terms: Terms, name: str) -> StagedFile:
    binding = bind(raw.names, table, part, raw.path)
    if isinstance(part, OrdersMapping) and part.fill_down:
        raw = filled_down(numbered(engine, raw, f"{name}_raw"), part)
    typed = typed_rows(raw, binding, table, part, terms)
    rows = engine.create_table(name, typed.rows, temp=True)
    facts = _facts(rows, typed, part)
    raw = counted(engine, raw, int(facts["rows"]), name)
    if ROW not in rows.columns:
        rows = rows.mutate(rows.rowid().name(ROW))
    dropped = (*_misfits(raw), *(_dropped(raw, rows, typed) if facts["bad"] else ()))
    _refuse(table, raw, dropped, drop_bad_rows=terms.drop_bad_rows)
    good = rows.filter(rows[PROBLEM].isnull()) if facts["bad"] else rows
    repaired = _repaired(raw, good, [i for i, _reason in enumerate(typed.repairs) if facts[f"repair{i}"]], typed)
    if table.name == ORDERS.name:
        good, moved = _at_once(engine, raw, good, binding, name)
        repaired += moved
    else:
        good, repeats = _last_of_each(raw, good, table)
        dropped += repeats
    clean = _clean(good, typed, binding, part, facts)
    noted = _noted(raw, good, clean.columns, facts) if table.name == ORDERS.name else ()
    if raw.source.unread:
        noted += (Finding(UNREAD, raw.source.unread, str(raw.path)),)
    gone = rows.filter(rows[PROBLEM] == typed.problems.index(LEFT_OUT)).select(ORDER_ID).distinct() if LEFT_OUT in typed.problems else None
    kept = raw.read_count - sum(f.count for f in dropped)
    return StagedFile(raw.path, clean.drop(ROW), raw.read_count, kept, dropped, repaired, noted, gone)


def _facts(rows: ibis.Table, typed: TypedRows, part: TableMapping) -> dict[str, Any]:
    """Everything that is counted, and which attributes are numbers, in one pass."""
    is_good = rows[PROBLEM].isnull()
    asked = {"rows": rows.count(), "bad": rows[PROBLEM].count()}
    asked |= {f"repair{i}": (_is_repaired(rows, i) & is_good).sum().fill_null(0) for i, _reason in enumerate(typed.repairs)}
    asked |= {column: looks_numeric(rows[column], part) for column in typed.attributes.values()}
    if LINE_KIND in rows.columns:
        asked |= {kind: ((rows[LINE_KIND] == kind) & is_good).sum().fill_null(0) for kind in _KINDS.values()}
    return _first(rows.aggregate(**asked))


def _clean(rows: ibis.Table, typed: TypedRows, binding: Binding, part: TableMapping, facts: dict[str, Any]) -> ibis.Table:
    """The rows with the columns that are written: the contract's, attributes under their names, and ROW."""
    attributes = {
        name: attribute(rows[column], part, numeric=facts[column] and name not in binding.texts)
        for name, column in typed.attributes.items()
    }
    return rows.select(*(c for c in rows.columns if not c.startswith("__")), **attributes, **{ROW: rows[ROW]})


def _misfits(raw: RawFile) -> tuple[Finding, ...]:
    misfits = raw.misfits
    return (Finding(MISFIT, misfits.count, str(raw.path), misfits.line, misfits.text.strip()[:80]),) if misfits else ()


def _dropped(raw: RawFile, rows: ibis.Table, typed: TypedRows) -> tuple[Finding, ...]:
    bad = rows.filter(rows[PROBLEM].notnull()).group_by(problem=PROBLEM)
    found = bad.aggregate(n=_.count(), row=_[ROW].min(), text=_[TOLD].argmin(_[ROW])).order_by("row").to_pyarrow().to_pylist()
    return _findings(raw, [(typed.problems[f["problem"]], f["n"], f["row"], f["text"]) for f in found])


def _is_repaired(rows: ibis.Table, reason: int) -> Any:
    return (rows[REPAIRS] & (1 << reason)) > 0


def _repaired(raw: RawFile, good: ibis.Table, reasons: list[int], typed: TypedRows) -> tuple[Finding, ...]:
    """Every repair with its first row, and the text that stood there if the repair changed one."""
    if not reasons:
        return ()
    asked: dict[str, Any] = {}
    for i in reasons:
        holds = _is_repaired(good, i)
        asked |= {f"n{i}": holds.sum(), f"row{i}": good[ROW].min(where=holds), f"text{i}": good[TOLD].argmin(good[ROW], where=holds)}
    found = _first(good.aggregate(**asked))
    texts = {i: found[f"text{i}"].split(BETWEEN)[i] if i < typed.told_count else None for i in reasons}
    return _findings(raw, [(typed.repairs[i], found[f"n{i}"], found[f"row{i}"], texts[i]) for i in reasons])


def _at_once(
    engine: ibis.BaseBackend, raw: RawFile, good: ibis.Table, binding: Binding, name: str
) -> tuple[ibis.Table, tuple[Finding, ...]]:
    """Every order at one time; an order_id that was made of the time has one already."""
    if ORDER_ID not in binding.columns or not at_different_times(good, raw.row_count):
        return good, ()
    placed = engine.create_table(f"{name}_placed", placed_at_once(good), temp=True)
    found = _first(placed.filter(placed[MOVED]).aggregate(n=_.count(), row=_[ROW].min()))
    return placed, _findings(raw, [(AT_ONCE, found["n"], found["row"], None)])


def _noted(raw: RawFile, good: ibis.Table, columns: Iterable[str], facts: dict[str, Any]) -> tuple[Finding, ...]:
    """Returns, fees, and lines that equal another line of the same file."""
    plain = tuple(Finding(word, int(facts[kind]), str(raw.path)) for word, kind in _KINDS.items() if facts[kind])
    return plain + _equal_lines(raw, good, [c for c in columns if c in good.columns and c != ROW])


def _equal_lines(raw: RawFile, good: ibis.Table, columns: list[str]) -> tuple[Finding, ...]:
    """Lines that equal another one: first by the fingerprints of what differs most, then exactly, for the few that are left."""
    marked = good.mutate(mark=fingerprint([good[c] for c in (ORDER_ID, PRODUCT_ID, QUANTITY, UNIT_PRICE) if c in good.columns]))
    suspected = repeated(marked, marked["mark"], raw.row_count)
    if not len(suspected):
        return ()
    lines = marked.semi_join(ibis.memtable({"mark": suspected}), "mark")
    again = lines.group_by(columns).aggregate(n=_.count(), row=_[ROW].min()).filter(_.n > 1)
    equal = _first(again.aggregate(n=(_.n - 1).sum(), row=_.row.min()))
    return _findings(raw, [(EQUAL_LINES, int(equal["n"] or 0), equal["row"], None)])


def _last_of_each(raw: RawFile, good: ibis.Table, table: Table) -> tuple[ibis.Table, tuple[Finding, ...]]:
    (key,) = table.key
    if not _first(good.aggregate(again=good.count() - good[key].nunique()))["again"]:
        return good, ()
    below = ibis.window(group_by=key, order_by=ibis.desc(ROW))
    ranked = good.mutate(__times=ibis.row_number().over(below))
    found = _first(ranked.filter(ranked["__times"] > 0).aggregate(n=_.count(), row=_[ROW].min(), text=_[key].argmin(_[ROW])))
    return ranked.filter(ranked["__times"] == 0).drop("__times"), _findings(raw, [(REPEATED, found["n"], found["row"], found["text"])])


def _findings(raw: RawFile, found: list[tuple[str, int, int, str | None]]) -> tuple[Finding, ...]:
    there = [f for f in found if f[1]]
    places: dict[int, Place] = raw.places_of(row for _reason, _n, row, _text in there)
    return tuple(Finding(reason, n, places[row].file, places[row].line, text[:80] if text else None) for reason, n, row, text in there)


def _first(table: ibis.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row


def _refuse(table: Table, raw: RawFile, dropped: tuple[Finding, ...], *, drop_bad_rows: bool) -> None:
    read = raw.read_count
    bad = [] if drop_bad_rows else [f for f in dropped if f.reason not in (ANONYMOUS, LEFT_OUT)]
    if bad:
        worst, others = max(bad, key=lambda f: f.count), len(bad) - 1
        value = f": {worst.value!r}" if worst.value else ""
        more = f" {others} more kind{'s' if others > 1 else ''} of problem." if others else ""
        what = worst.reason if worst.reason == MISFIT else f"{table.name}.{worst.reason}"
        problem = f"{worst.file}: {what}: {worst.count:,} of {read:,} rows, first at line {worst.line:,}{value}.{more}"
        raise InputError(problem, remedy=remedy(worst.reason, table))
    if dropped and sum(f.count for f in dropped) == read:
        reasons = "; ".join(str(f) for f in dropped)
        raise InputError(f"{raw.path}: no row of {read:,} is left: {reasons}.", remedy="Map the right columns of the file.")
