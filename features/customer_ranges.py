"""Large homes, a range of customers at a time: what an expression needs in memory is bounded by the rows of one range."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import ibis
import pyarrow as pa
from ibis import _

from features import duck
from features.contract import CUSTOMER_ID
from features.engine import Tables

MOST_ROWS: Final = 3_000_000  # rows of orders and events in one range, for one cut-off
_FIRST, _LAST = "\u27e6first customer\u27e7", "\u27e6last customer\u27e7"

Build = Callable[[Tables], ibis.Table]


def in_ranges(tables: Tables, build: Build, cut_count: int) -> Iterator[pa.Table]:
    """What `build` makes of the tables, a range of customers after the other (ascending) where there are many rows.

    `build` gives a table with customer_id in which every row depends on rows of its own customer alone. It is called once: the ranges
    differ in two texts of the query. An engine that spreads its work over machines does its own dividing.
    """
    ranges = _ranges(tables, cut_count) if duck.is_duck(tables.engine) else []
    if len(ranges) < 2:
        yield build(tables).to_pyarrow()
        return
    built = build(_within(tables))
    query = tables.engine.compile(built.filter(built[CUSTOMER_ID].between(_FIRST, _LAST)))
    for first, last in ranges:
        yield duck.arrow(tables.engine, query, {_FIRST: first, _LAST: last})


def has_rows(table: ibis.Table) -> bool:
    """Whether a table has any row."""
    return bool(table.limit(1).count().to_pyarrow().as_py())


def _ranges(tables: Tables, cut_count: int) -> list[tuple[str, str]]:
    """(first, last customer_id) of ranges with about equally many rows; empty where one range holds everything."""
    most = MOST_ROWS * 2 // (1 + cut_count)
    total = sum(_number(rows.count()) for rows in (tables.orders, tables.events))
    if total <= most:
        return []
    rows = ibis.union(tables.orders.select(CUSTOMER_ID), tables.events.filter(_.customer_id.notnull()).select(CUSTOMER_ID))
    counted = rows.group_by(CUSTOMER_ID).aggregate(n=_.count())
    summed = counted.mutate(until=counted.n.sum().over(ibis.cumulative_window(order_by=CUSTOMER_ID)))
    found = summed.group_by(place=summed.until // most).aggregate(first=_[CUSTOMER_ID].min(), last=_[CUSTOMER_ID].max())
    return [(row["first"], row["last"]) for row in found.order_by("place").to_pyarrow().to_pylist()]


def _within(tables: Tables) -> Tables:
    """The tables' rows of one range. Whose a visitor's events are is known from everybody's, so those are all kept."""
    events = tables.events
    own = events.customer_id.between(_FIRST, _LAST)
    return replace(
        tables,
        orders=tables.orders.filter(_.customer_id.between(_FIRST, _LAST)),
        events=events.filter(own | events.customer_id.isnull() | (events.event_type == "identify")),
        decisions=tables.decisions.filter(_.customer_id.between(_FIRST, _LAST)),
    )


def _number(expression: Any) -> int:
    return int(expression.to_pyarrow().as_py())
