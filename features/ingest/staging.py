"""One outside file as rows of a contract table, still unwritten: cast, completed, checked, with what was dropped and repaired."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import ibis
from ibis import _

from features.contract import CURRENCY, FEE, LINE_KIND, ORDER_ID, ORDERS, RETURN, Column, Table
from features.errors import InputError
from features.ingest.binding import Binding, bind, column_of
from features.ingest.casting import WAS_DECIMAL, attribute, looks_numeric, text_of, value_of
from features.ingest.mapping import AMOUNT, OrdersMapping, TableMapping
from features.ingest.order_lines import complete, with_kinds
from features.ingest.order_rows import filled_down, left_out
from features.ingest.reading import ROW, RawFile, read_file
from features.ingest.report import Finding
from features.ingest.row_checks import ANONYMOUS, LEFT_OUT, MISFIT, VOCABULARY, Problem, problems, remedy, text_name

REPEATED: Final = "rows whose key stands again further down (the last row counts)"
EQUAL_LINES: Final = "equal lines, kept"
_PROBLEM, _OFFENDER, _REPAIR, _TIMES, _OUT = "__problem", "__offender", "__repair_", "__times", "__out"


@dataclass(frozen=True)
class Terms:
    """What a file is checked against."""

    today: datetime
    currency: str
    drop_bad_rows: bool
    workspace: Path


@dataclass(frozen=True)
class StagedFile:
    """A file's rows that may be written (the contract's columns that it has, and its attributes), and what was found in it.

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


def stage(engine: ibis.BaseBackend, path: Path, table: Table, part: TableMapping, terms: Terms, *, name: str) -> StagedFile:
    """Reads one file of a table into the engine, under `name`.

    Raises InputError if the file cannot be used, if a row is bad (unless `terms.drop_bad_rows`), or if no row is left.
    """
    raw = read_file(engine, path, part, workspace=terms.workspace, name=f"{name}_raw")
    typed, reasons = _typed(raw, bind(raw.names, table, part, path), table, part, terms)
    rows = engine.create_table(name, typed, temp=True)
    dropped = (*_misfits(raw), *_dropped(raw, rows))
    _refuse(table, raw, dropped, drop_bad_rows=terms.drop_bad_rows)
    good = rows.filter(rows[_PROBLEM].isnull())
    repaired = _repaired(raw, good, reasons)
    last, repeated = (good, ()) if table.name == ORDERS.name else _last_of_each(raw, good, table)
    clean = last.drop(*(c for c in last.columns if c.startswith("__") or (c == AMOUNT and AMOUNT in part.columns)))
    read = raw.row_count + (raw.misfits.count if raw.misfits else 0)
    dropped += repeated
    noted = _noted(raw, good, clean.columns) if table.name == ORDERS.name else ()
    gone = (
        rows.filter(rows[_PROBLEM] == LEFT_OUT).select(ORDER_ID).distinct() if isinstance(part, OrdersMapping) and part.leave_out else None
    )
    return StagedFile(path, clean, read, read - sum(f.count for f in dropped), dropped, repaired, noted, gone)


def _typed(raw: RawFile, binding: Binding, table: Table, part: TableMapping, terms: Terms) -> tuple[ibis.Table, list[str]]:
    """The typed rows with their first problem and, per repair, the text that stood there; and the names of the repairs."""
    columns = [column_of(table, name) for name in binding.columns]
    rows = _cast(raw, binding, columns, part)
    found = list(problems(rows, table, columns, today=terms.today, currency=terms.currency))
    if isinstance(part, OrdersMapping) and part.leave_out:
        found.insert(0, Problem(LEFT_OUT, rows[_OUT], ibis.null("string")))
    rows = rows.mutate(
        **{_PROBLEM: ibis.cases(*((p.holds, p.reason) for p in found)), _OFFENDER: ibis.cases(*((p.holds, p.text) for p in found))}
    )
    repairs = {
        f"{c.name}: {WAS_DECIMAL}": (rows[c.name] != rows[text_name(c.name)], rows[text_name(c.name)])
        for c in columns
        if c.kind == "text" and c.name.endswith("_id")
    }
    if not isinstance(part, OrdersMapping):
        return rows.mutate(**_marks(repairs)), list(repairs)
    lines = complete(rows := with_kinds(rows, part), part)
    repairs |= {reason: (holds, ibis.literal("")) for reason, holds in lines.repairs.items()}
    return rows.mutate(**lines.columns, **_marks(repairs)), list(repairs)


def _cast(raw: RawFile, binding: Binding, columns: list[Column], part: TableMapping) -> ibis.Table:
    """The contract's columns by name, their texts beside them, and the attributes; texts stand in a layer of their own, to be made once."""
    out = {}
    if isinstance(part, OrdersMapping):
        raw = filled_down(raw, part)
        out = {_OUT: left_out(raw, part)} if part.leave_out else {}
    read = {c.name: f"c{binding.columns[c.name]}" for c in columns}
    texts = {text_name(c.name): text_of(raw.rows[read[c.name]], c, part) for c in columns}
    rows = raw.rows.mutate(**texts, **out)
    values = {c.name: _normal(c.name, value_of(rows[read[c.name]], rows[text_name(c.name)], c, part)) for c in columns}
    return rows.select(ROW, *texts, *out, **values, **_attributes(raw, rows, binding, part))


def _normal(name: str, value: Any) -> Any:
    if name in VOCABULARY:
        return value.lower()
    return value.upper() if name == CURRENCY else value


def _marks(repairs: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    return {f"{_REPAIR}{i}": holds.ifelse(text, ibis.null("string")) for i, (holds, text) in enumerate(repairs.values())}


def _attributes(raw: RawFile, rows: ibis.Table, binding: Binding, part: TableMapping) -> Mapping[str, Any]:
    if not binding.attributes:
        return {}
    asked = {f"a{i}": looks_numeric(raw.rows[f"c{i}"], part) for i in binding.attributes.values()}
    numeric = _first(raw.rows.aggregate(**asked))
    return {
        name: attribute(rows[f"c{i}"], part, numeric=numeric[f"a{i}"] and name not in binding.texts)
        for name, i in binding.attributes.items()
    }


def _misfits(raw: RawFile) -> tuple[Finding, ...]:
    misfits = raw.misfits
    return (Finding(MISFIT, misfits.count, str(raw.path), misfits.line, misfits.text.strip()[:80]),) if misfits else ()


def _dropped(raw: RawFile, rows: ibis.Table) -> tuple[Finding, ...]:
    bad = rows.filter(rows[_PROBLEM].notnull()).group_by(reason=_PROBLEM)
    found = bad.aggregate(n=_.count(), row=_[ROW].min(), text=_[_OFFENDER].argmin(_[ROW])).order_by("row").to_pyarrow().to_pylist()
    return _findings(raw, [(f["reason"], f["n"], f["row"], f["text"]) for f in found])


def _repaired(raw: RawFile, good: ibis.Table, reasons: list[str]) -> tuple[Finding, ...]:
    if not reasons:
        return ()
    asked: dict[str, Any] = {}
    for i in range(len(reasons)):
        text = good[f"{_REPAIR}{i}"]
        asked |= {f"n{i}": text.count(), f"row{i}": good[ROW].min(where=text.notnull()), f"text{i}": text.argmin(good[ROW])}
    found = _first(good.aggregate(**asked))
    return _findings(raw, [(reason, found[f"n{i}"], found[f"row{i}"], found[f"text{i}"]) for i, reason in enumerate(reasons)])


def _noted(raw: RawFile, good: ibis.Table, columns: tuple[str, ...]) -> tuple[Finding, ...]:
    """Returns, fees, and lines that equal another line of the same file."""
    kinds = {word: good[LINE_KIND] == kind for word, kind in (("return lines", RETURN), ("fee lines", FEE))}
    counted = _first(good.aggregate(**{word: holds.sum() for word, holds in kinds.items()}))
    again = good.group_by(list(columns)).aggregate(**{_TIMES: _.count(), ROW: _[ROW].min()}).filter(_[_TIMES] > 1)
    equal = _first(again.aggregate(n=(_[_TIMES] - 1).sum(), row=_[ROW].min()))
    plain = tuple(Finding(word, int(n), str(raw.path)) for word, n in counted.items() if n)
    return plain + _findings(raw, [(EQUAL_LINES, int(equal["n"] or 0), equal["row"], None)])


def _last_of_each(raw: RawFile, good: ibis.Table, table: Table) -> tuple[ibis.Table, tuple[Finding, ...]]:
    below = ibis.window(group_by=list(table.key), order_by=ibis.desc(ROW))
    ranked = good.mutate(**{_TIMES: ibis.row_number().over(below)})
    found = _first(ranked.filter(_[_TIMES] > 0).aggregate(n=_.count(), row=_[ROW].min(), text=_[table.key[0]].argmin(_[ROW])))
    return ranked.filter(_[_TIMES] == 0), _findings(raw, [(REPEATED, found["n"], found["row"], found["text"])])


def _findings(raw: RawFile, found: list[tuple[str, int, int, str | None]]) -> tuple[Finding, ...]:
    there = [f for f in found if f[1]]
    lines = raw.lines_of(row for _reason, _n, row, _text in there)
    return tuple(Finding(reason, n, str(raw.path), lines[row], text[:80] if text else None) for reason, n, row, text in there)


def _first(table: ibis.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row


def _refuse(table: Table, raw: RawFile, dropped: tuple[Finding, ...], *, drop_bad_rows: bool) -> None:
    read = raw.row_count + (raw.misfits.count if raw.misfits else 0)
    bad = [] if drop_bad_rows else [f for f in dropped if f.reason not in (ANONYMOUS, LEFT_OUT)]
    if bad:
        worst, others = max(bad, key=lambda f: f.count), len(bad) - 1
        value = f": {worst.value!r}" if worst.value else ""
        more = f" {others} more kind{'s' if others > 1 else ''} of problem." if others else ""
        what = worst.reason if worst.reason == MISFIT else f"{table.name}.{worst.reason}"
        problem = f"{raw.path}: {what}: {worst.count:,} of {read:,} rows, first at line {worst.line:,}{value}.{more}"
        raise InputError(problem, remedy=remedy(worst.reason, table))
    if dropped and sum(f.count for f in dropped) == read:
        reasons = "; ".join(str(f) for f in dropped)
        raise InputError(f"{raw.path}: no row of {read:,} is left: {reasons}.", remedy="Map the right columns of the file.")
