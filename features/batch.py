"""The definitions over all customers, in Ibis: one row per customer and cut-off, for any number of cut-offs in one pass."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from ibis import _

from features import sources
from features.contract import AS_OF, CUSTOMER_ID
from features.customer_ranges import has_rows, in_ranges
from features.definitions import FAVOURITE_LINES, FEATURES
from features.engine import Tables
from features.instants import DAY_US, microseconds
from features.states import Feature, State, states_of

CUT = "cut_us"
KEY = (CUSTOMER_ID, CUT)
PRICES = ("priced_lines", "price_level", "premium_lines", "budget_lines")
OPTIONAL = ("products", "events", "decisions")


def features(tables: Tables, cutoffs: Sequence[datetime], wanted: Sequence[Feature] = FEATURES) -> pd.DataFrame:
    """customer_id, as_of, then every wanted feature as float64 (NaN is unknown), sorted by (as_of, customer_id).

    Grain: one row per cut-off and customer with an order line (of any kind) or an event before it. No row at or after
    a cut-off changes anything at that cut-off.
    """
    table = pa.concat_tables(parts(tables, cutoffs, wanted)).sort_by([(CUT, "ascending"), (CUSTOMER_ID, "ascending")])
    instants = table[CUT].cast(pa.timestamp("us"))
    frame: pd.DataFrame = table.drop_columns(CUT).add_column(1, AS_OF, instants).to_pandas(self_destruct=True)
    return frame


def parts(tables: Tables, cutoffs: Sequence[datetime], wanted: Sequence[Feature] = FEATURES) -> Iterator[pa.Table]:
    """The rows of `expression` as Arrow tables; a large home's customers a range at a time, so that memory is bounded."""
    present = _present(tables)
    return in_ranges(tables, lambda some: expression(some, cutoffs, wanted, present), len(cutoffs))


def expression(
    tables: Tables, cutoffs: Sequence[datetime], wanted: Sequence[Feature] = FEATURES, present: Collection[str] = OPTIONAL
) -> ibis.Table:
    """The same as an expression, unsorted, with the cut-off as `cut_us`: microseconds from 1970-01-01.

    `present` names those of the OPTIONAL tables that have something to tell: the others are not read.
    """
    cuts = [microseconds(cut) for cut in sorted(set(cutoffs))]
    states, making = states_of(wanted), _sources(tables, cuts, present)
    everybody = seen(sources.arrivals(tables, with_events="events" in present), cuts).select(*KEY)
    for name, make in making.items():
        if asked := [state for state in states if state.source == name]:
            everybody = _beside(everybody, _reduced(make(), asked))
    values = {state: _value(everybody, state) for state in states}
    return everybody.select(*KEY, **{f.name: f.value(values, everybody[CUT]).cast("float64") for f in wanted})


def _present(tables: Tables) -> frozenset[str]:
    telling = tables.products.filter(_.category.notnull() | _.list_price.notnull())
    told = {"products": telling, "events": tables.events, "decisions": tables.decisions}
    return frozenset(name for name, rows in told.items() if has_rows(rows))


def _sources(tables: Tables, cuts: list[int], present: Collection[str]) -> dict[str, Callable[[], ibis.Table]]:
    """How the rows of each source, as the cut-offs see them, are made; sources of tables without rows are left out."""
    sold = sources.lines(tables)
    bought = sources.bought(sold.filter(sold.at < max(cuts)))
    found = {
        "orders": lambda: seen(sources.orders(tables, sold), cuts),
        "firsts": lambda: _firsts(sources.firsts(sold, bought), cuts),
        "returns": lambda: seen(sources.returns(tables), cuts),
    }
    if "products" in present:
        found["categories"] = lambda: _categories(tables, sold, bought, cuts)
    if "events" in present:
        found["events"] = lambda: seen(sources.events(tables), cuts)
        found["carts"] = lambda: seen(sources.carts(tables), cuts)
    if "decisions" in present:
        found["contacts"] = lambda: seen(sources.contacts(tables), cuts)
    return found


def seen(source: ibis.Table, cuts: list[int]) -> ibis.Table:
    """The source's rows once for every cut-off (ascending, in microseconds) that sees them, with it as `cut_us`."""
    if len(cuts) == 1:
        return source.filter(source.known_at < cuts[0]).mutate(**{CUT: ibis.literal(cuts[0], type="int64")})
    passed = _passed(source.known_at, cuts)
    return source.filter(passed < len(cuts)).mutate(**{CUT: _instants(cuts)[passed:].unnest()})


def instants_between(cuts: list[int], after: ibis.Value, until: ibis.Value) -> Any:
    """The cut-offs (ascending) later than `after`, and not later than `until`, as an array."""
    return _instants(cuts)[_passed(after, cuts) : _passed(until, cuts)]


def _passed(at: ibis.Value, cuts: Iterable[int]) -> Any:
    """How many of the cut-offs lie at or before an instant: it is seen from the others."""
    return reduce(add, [(at >= cut).ifelse(1, 0) for cut in cuts])


def _instants(cuts: list[int]) -> Any:
    return ibis.array([ibis.literal(cut, type="int64") for cut in cuts])


def _firsts(found: ibis.Table, cuts: list[int]) -> ibis.Table:
    """What was bought for the first time at one instant is counted together first, where many cut-offs see it."""
    if len(cuts) > 1:
        sums = {name: found[name].sum() for name in ("product", "channel", "store")}
        found = found.group_by(CUSTOMER_ID, "at", "known_at").aggregate(**sums)
    return seen(found, cuts)


def _categories(tables: Tables, sold: ibis.Table, bought: ibis.Table, cuts: list[int]) -> ibis.Table:
    """One row per customer, cut-off and category: what was bought of it before the cut-off."""
    if len(cuts) == 1:
        listed = sources.with_facts(bought, tables)
        whole = sources.by_category(listed, (CUSTOMER_ID, "category"), listed.n, listed.last_at).mutate(**{CUT: _instants(cuts)[0]})
    else:
        whole = _running(sources.with_facts(sold, tables), cuts)
    known = whole.category != ""
    lines = known.ifelse(whole.n, 0.0)
    favourite = whole.n * FAVOURITE_LINES + (whole["at"] // 1_000_000).cast("float64")
    return whole.select(
        *KEY,
        *PRICES,
        category=known.ifelse(1, 0).cast("float64"),
        lines=lines,
        lines_log_lines=lines * whole.n.ln(),
        favourite=known.ifelse(favourite, ibis.null("float64")),
    )


def _running(listed: ibis.Table, cuts: list[int]) -> ibis.Table:
    """Lines that the same cut-offs see are counted together; the running totals after them hold until the next ones are seen."""
    since = listed.mutate(since=_passed(listed.at, cuts), n=1).filter(_.since < len(cuts))
    one = (CUSTOMER_ID, "category")
    counted = sources.by_category(since, (*one, "since"), since.n, since["at"])
    until_here = ibis.cumulative_window(group_by=list(one), order_by="since")
    running = counted.mutate(
        **{name: counted[name].sum().over(until_here) for name in ("n", *PRICES)},
        until=counted.since.lead().over(ibis.window(group_by=list(one), order_by="since")).fill_null(len(cuts)),
    )
    return running.mutate(**{CUT: _instants(cuts)[running.since : running.until].unnest()})


def _reduced(rows: ibis.Table, states: Sequence[State]) -> ibis.Table:
    return rows.group_by(*KEY).aggregate(**{s.name: _reduction(rows, s) for s in states})


def _reduction(rows: ibis.Table, state: State) -> ibis.Value:
    column = rows[state.column]
    if state.days:
        column = (rows.at >= rows[CUT] - state.days * DAY_US).ifelse(column, 0.0 if state.how == "sum" else ibis.null(column.type()))
    if state.how == "last":
        return column.argmax(rows.sequence, where=column.notnull())
    return {"sum": column.sum, "max": column.max, "min": column.min}[state.how]()


def _beside(everybody: ibis.Table, reduced: ibis.Table) -> ibis.Table:
    return everybody.left_join(reduced, list(KEY)).drop("customer_id_right", "cut_us_right")


def _value(joined: ibis.Table, state: State) -> ibis.Value:
    """The state's column; nothing was counted where no row was seen."""
    if state.name not in joined.columns:
        nothing = ibis.null("int64") if state.column == "at" or state.column.startswith("at_") else ibis.null("float64")
        return ibis.literal(0).cast("float64") if state.how == "sum" else nothing
    return joined[state.name].fill_null(0.0) if state.how == "sum" else joined[state.name]
