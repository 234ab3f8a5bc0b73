"""What only an order's rows together say: values that stand on its first row, and orders that were no purchase."""

from dataclasses import replace
from typing import Any

import ibis

from features.contract import ORDER_ID, ORDERS
from features.ingest.binding import position_of
from features.ingest.casting import as_text
from features.ingest.mapping import OrdersMapping
from features.ingest.reading import ROW, RawFile

_ORDER, _VALUE, _STRETCH = "__order", "__value", "__stretch"


def filled_down(raw: RawFile, options: OrdersMapping) -> RawFile:
    """The file with each empty value of the `fill_down` columns taken from the nearest row of the same order above that has one.

    A row without an order is left as it is. Raises InputError if the file lacks one of the columns.
    """
    if not options.fill_down:
        return raw
    rows = raw.rows.mutate(**{_ORDER: as_text(raw.rows[_column(raw, options.columns[ORDER_ID], "columns")]).nullif("")})
    for name in options.fill_down:
        rows = _filled(rows, _column(raw, (name,), "fill_down"))
    return replace(raw, rows=rows.select(raw.rows.columns), standing=raw.rows)


def left_out(raw: RawFile, options: OrdersMapping) -> Any:
    """Whether the mapping's `leave_out` says of a row that it is no purchase; InputError if the file lacks one of its columns."""
    out = ibis.literal(False)
    for name, pattern in options.leave_out.items():
        out = out | as_text(raw.rows[_column(raw, (name,), "leave_out")], raw.blanks).re_search(pattern).fill_null(False)
    return out


def _filled(rows: ibis.Table, column: str) -> ibis.Table:
    """Each value begins a stretch of its order's rows, which all take it: the one value of the stretch is also its greatest."""
    value = as_text(rows[column]).nullif("").notnull().ifelse(rows[column], ibis.null(rows[column].type()))
    above = ibis.cumulative_window(group_by=rows[_ORDER], order_by=rows[ROW])
    marked = rows.mutate(**{_VALUE: value, _STRETCH: value.count().over(above)})
    known = marked[_VALUE].max().over(ibis.window(group_by=[marked[_ORDER], marked[_STRETCH]]))
    return marked.mutate(**{column: marked[_ORDER].notnull().ifelse(known, marked[column])}).drop(_VALUE, _STRETCH)


def _column(raw: RawFile, wanted: tuple[str, ...], key: str) -> str:
    return f"c{position_of(raw.names, wanted, f'{raw.path}: {ORDERS.name}.{key}')}"
