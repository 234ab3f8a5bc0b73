"""Orders that come in two kinds of files: heads (one row per order: who, when) and lines (what), put together before they are checked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Final

import ibis
from ibis import _

from features.contract import CUSTOMER_ID, ORDER_ID, ORDERED_AT, ORDERS
from features.errors import InputError
from features.ingest.binding import position_of
from features.ingest.casting import as_text, text_of, value_of
from features.ingest.given_files import sources_of
from features.ingest.head_files import LINES, check_both, kind_of, neither
from features.ingest.mapping import Gaps, Heads, OrdersMapping
from features.ingest.reading import ROW, RawFile, counted, read_source
from features.ingest.reconstructed import CONTRADICTED, GAP_PARTS, RECONSTRUCTED, numbers, reconstructed, unusable
from features.ingest.report import Finding
from features.ingest.row_checks import ANONYMOUS, MISFIT
from features.ingest.source_files import SIGNS
from features.ingest.staging import UNREAD, StagedFile, stage_rows
from features.ingest.terms import Terms

HEADLESS: Final = "lines whose order stands in no file of orders, or without a customer there"
HEADS_READ: Final = "orders read, for their lines in other files"
WITHOUT_LINES: Final = "orders without lines in these files, not taken"
WITHOUT_CUSTOMER: Final = "orders without a customer"
PASSED_OVER: Final = "file of the folder with neither orders nor their lines, not read"
UNDATED: Final = "orders whose days cannot be counted: all lines of their customers are dropped"
_KEY: Final = "__key"


@dataclass(frozen=True)
class _Opened:
    """A file, what it is (`head_files`), and under which name the engine reads it."""

    raw: RawFile
    kind: str
    name: str


def staged_baskets(
    engine: ibis.BaseBackend, paths: Sequence[Path], part: OrdersMapping, heads: Heads, terms: Terms
) -> tuple[StagedFile, ...]:
    """The files of lines, each staged with what its orders' heads say of them.

    What was found in the other files stands with the first file of lines. Raises InputError if a kind of file is missing, if a file is of
    neither kind (one in a folder is passed over, and noted), if two heads of an order differ, if `ordered_at_from` cannot be followed (unless
    `terms.drop_bad_rows`), or as `stage` does.
    """
    noted: list[Finding] = []
    files = list(_opened(engine, paths, part, heads, terms, noted))
    check_both([(f.raw, f.kind) for f in files], part, heads)
    said = [f for f in files if f.kind != LINES]
    known = _heads(engine, said, part, heads, terms, noted)
    staged = []
    for file in (f for f in files if f.kind == LINES):
        raw = _joined(file.raw, known, part, heads, signs="".join(f.raw.signs for f in said))
        staged.append(_told(stage_rows(engine, raw, ORDERS, part, terms, name=file.name), heads))
    noted += _without_lines(known, staged, str(said[0].raw.path))
    return (replace(staged[0], noted=(*noted, *staged[0].noted)), *staged[1:])


def _opened(
    engine: ibis.BaseBackend, paths: Sequence[Path], part: OrdersMapping, heads: Heads, terms: Terms, noted: list[Finding]
) -> Iterator[_Opened]:
    sources = [(source, path.is_dir()) for path in paths for source in sources_of(path)]
    for i, (source, is_below) in enumerate(sources):
        name = f"{ORDERS.name}_{i}"
        raw = read_source(engine, source, part, workspace=terms.workspace, name=name)
        kind = kind_of(raw, part, heads)
        if source.unread and kind != LINES:
            noted.append(Finding(UNREAD, source.unread, str(raw.path.parent)))
        if kind is not None:
            yield _Opened(raw, kind, name)
        elif is_below:
            noted.append(Finding(PASSED_OVER, 1, str(raw.path)))
            raw.close()
        else:
            raise neither(raw, part, heads)


def _heads(
    engine: ibis.BaseBackend, files: Sequence[_Opened], part: OrdersMapping, heads: Heads, terms: Terms, noted: list[Finding]
) -> ibis.Table:
    """One row per order of a customer: ORDER_ID, what its lines take (t0, t1, ...), and ordered_at if it is to be reconstructed."""
    tables = []
    for file in files:
        rows = engine.create_table(f"{file.name}_heads", _selected(file.raw, part, heads), temp=True)
        raw = counted(engine, file.raw, _count(rows), file.name)
        noted += [Finding(HEADS_READ, raw.row_count, str(raw.path)), *_misfits(raw, terms)]
        if nobodys := _count(rows.filter(rows[CUSTOMER_ID].isnull())):
            noted.append(Finding(WITHOUT_CUSTOMER, nobodys, str(raw.path)))
        tables.append(rows)
        path = str(raw.path)
        raw.close()
    both = reduce(lambda a, b: a.union(b), tables).distinct()
    every = engine.create_table("heads", both.filter(both[ORDER_ID].notnull() & both[CUSTOMER_ID].notnull()), temp=True)
    for file in files:
        engine.drop_table(f"{file.name}_heads")
    _refuse_twins(every, path)
    return _dated(engine, every, gaps, terms, path, noted) if (gaps := heads.ordered_at_from) else every


def _selected(raw: RawFile, part: OrdersMapping, heads: Heads) -> ibis.Table:
    """A file of heads as text, ids as they will stand in the table, so that `1` and `1.0` are one order."""

    def column(name: str) -> Any:
        return as_text(raw.rows[f"c{_place(raw, name)}"], raw.blanks)

    taken = {f"t{i}": column(name) for i, name in enumerate(heads.take)}
    gaps = {name: column(getattr(heads.ordered_at_from, name)) for name in GAP_PARTS} if heads.ordered_at_from else {}
    who = next(name for name in heads.take if name in part.columns.get(CUSTOMER_ID, (CUSTOMER_ID,)))
    return raw.rows.select(
        **{ORDER_ID: _id(raw, heads.key, ORDER_ID, part), CUSTOMER_ID: _id(raw, who, CUSTOMER_ID, part)}, **taken, **gaps
    )


def _dated(engine: ibis.BaseBackend, every: ibis.Table, gaps: Gaps, terms: Terms, path: str, noted: list[Finding]) -> ibis.Table:
    read = engine.create_table("heads_numbers", numbers(every, gaps), temp=True)
    if bad := unusable(read, gaps):
        if not terms.drop_bad_rows:
            raise InputError(
                f"{path}: {bad.column}: {bad.reason}: {bad.count:,} of {_count(every):,} orders, e.g. order {bad.order_id!r}.",
                remedy="The days between orders must be known from a customer's first order to the last: mend them,"
                " or pass --drop-bad-rows to leave such customers out.",
            )
        noted.append(Finding(f"{UNDATED}: {bad.column}: {bad.reason}", bad.count, path, None, bad.order_id))
    kept = [column for column in every.columns if column not in GAP_PARTS]
    dated = engine.create_table("heads_dated", reconstructed(read, gaps).select(*kept, ORDERED_AT, "contradicted"), temp=True)
    for done in ("heads", "heads_numbers"):  # millions of orders need not stand in memory three times
        engine.drop_table(done)
    if contradicted := _count(dated.filter(dated.contradicted)):
        noted.append(Finding(CONTRADICTED, contradicted, path))
    return dated.drop("contradicted")


def _joined(raw: RawFile, known: ibis.Table, part: OrdersMapping, heads: Heads, *, signs: str) -> RawFile:
    """A file of lines with further columns, those of its orders' heads; rows keep the numbers that they have in the file."""
    numbered = raw.rows if ROW in raw.rows.columns else raw.rows.mutate(**{ROW: ibis.row_number()})
    keyed = numbered.mutate(**{_KEY: _id(raw, heads.key, ORDER_ID, part)})
    given = {name: f"t{i}" for i, name in enumerate(heads.take)} | ({ORDERED_AT: ORDERED_AT} if heads.ordered_at_from else {})
    both = keyed.left_join(known, keyed[_KEY] == known[ORDER_ID])
    more = {f"c{len(raw.names) + i}": known[column] for i, column in enumerate(given.values())}
    rows = both.select(keyed[ROW], *(keyed[f"c{i}"] for i in range(len(raw.names))), **more)
    text = raw.text and replace(raw.text, signs="".join(sign for sign in SIGNS if sign in raw.text.signs + signs))
    return replace(raw, names=(*raw.names, *given), rows=rows, text=text)


def _told(file: StagedFile, heads: Heads) -> StagedFile:
    """With the words of this module: who has no customer here has no head."""
    dropped = tuple(replace(f, reason=HEADLESS) if f.reason == ANONYMOUS else f for f in file.dropped)
    made = (Finding(RECONSTRUCTED, file.rows_kept, str(file.path)),) if heads.ordered_at_from else ()
    return replace(file, dropped=dropped, repaired=(*made, *file.repaired))


def _without_lines(known: ibis.Table, staged: Iterable[StagedFile], path: str) -> list[Finding]:
    lines = reduce(lambda a, b: a.union(b), [file.rows.select(ORDER_ID) for file in staged])
    bare = _count(known.anti_join(lines, ORDER_ID))
    return [Finding(WITHOUT_LINES, bare, path)] if bare else []


def _refuse_twins(heads: ibis.Table, path: str) -> None:
    twins = heads.group_by(ORDER_ID).aggregate(n=_.count()).filter(_.n > 1)
    found = twins.aggregate(n=_.count(), first=_[ORDER_ID].min()).to_pyarrow().to_pylist()[0]
    if found["n"]:
        raise InputError(
            f"{path}: {found['n']:,} orders stand there more than once, with other values, e.g. order {found['first']!r}.",
            remedy="Leave one row per order, in one of the files.",
        )


def _misfits(raw: RawFile, terms: Terms) -> Iterator[Finding]:
    if raw.misfits is None:
        return
    found = Finding(MISFIT, raw.misfits.count, str(raw.path), raw.misfits.line, raw.misfits.text.strip()[:80])
    if not terms.drop_bad_rows:
        raise InputError(f"{raw.path}: {found}.", remedy="Check the file at that line, or pass --drop-bad-rows to leave such rows out.")
    yield found


def _id(raw: RawFile, name: str, column: str, part: OrdersMapping) -> Any:
    cell, kind = raw.rows[f"c{_place(raw, name)}"], ORDERS.column(column)
    return value_of(cell, text_of(cell, kind, part, raw.blanks), kind, part)


def _place(raw: RawFile, name: str) -> int:
    return position_of(raw.names, (name,), f"{raw.path}: {ORDERS.name}.heads")


def _count(rows: ibis.Table) -> int:
    return int(rows.count().to_pyarrow().as_py())
