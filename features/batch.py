"""The definitions over all customers, in Ibis: one row per customer and cut-off."""

from collections.abc import Sequence
from datetime import datetime

import ibis
import pandas as pd
from ibis import _

from features import sources
from features.contract import AS_OF, CUSTOMER_ID
from features.definitions import FEATURES
from features.engine import Tables
from features.instants import DAY_US, microseconds
from features.states import State, states_of

KEY = (CUSTOMER_ID, "cut_us")


def features(tables: Tables, cutoffs: Sequence[datetime]) -> pd.DataFrame:
    """customer_id, as_of, then every feature of `definitions.NAMES` as float64 (NaN is unknown), sorted by (as_of, customer_id).

    Grain: one row per cut-off and customer with an order line (of any kind) or an event before it. No row at or after
    a cut-off changes anything at that cut-off.
    """
    table: pd.DataFrame = expression(tables, cutoffs).order_by(list(reversed(KEY))).to_pandas()
    instants = pd.to_datetime(table.pop("cut_us"), unit="us").astype("datetime64[us]")
    table.insert(1, AS_OF, instants)
    return table.astype({f.name: "float64" for f in FEATURES})


def expression(tables: Tables, cutoffs: Sequence[datetime]) -> ibis.Table:
    """The same as an expression, with the cut-off as `cut_us`: microseconds from 1970-01-01."""
    cuts = ibis.memtable(pd.DataFrame({"cut_us": [microseconds(c) for c in cutoffs]}), schema={"cut_us": "int64"})
    rows = {"lines": sources.lines(tables), "returns": sources.returns(tables), "events": sources.events(tables)}
    known = {name: _known(source, cuts) for name, source in rows.items()}
    everybody = ibis.union(*(source.select(*KEY) for source in [*known.values(), _known(sources.fees(tables), cuts)]), distinct=True)
    for name, source in known.items():
        everybody = _beside(everybody, _reduced(source, name))
    states: dict[State, ibis.Value] = {s: everybody[s.name] for s in states_of(FEATURES)}
    return everybody.select(*KEY, **{f.name: f.value(states, everybody.cut_us).cast("float64") for f in FEATURES})


def _known(source: ibis.Table, cuts: ibis.Table) -> ibis.Table:
    return source.inner_join(cuts, source.known_at < cuts.cut_us)


def _reduced(source: ibis.Table, name: str) -> ibis.Table:
    wanted = [s for s in states_of(FEATURES) if s.source == name]
    return source.group_by(*KEY).aggregate(**{s.name: _reduction(source, s) for s in wanted})


def _reduction(source: ibis.Table, state: State) -> ibis.Value:
    column = source[state.column]
    if state.days:
        column = (source.at >= source.cut_us - state.days * DAY_US).ifelse(column, ibis.null(column.type()))
    if state.how == "last":
        return column.argmax(source.sequence, where=column.notnull())
    return {"sum": column.sum, "max": column.max, "min": column.min}[state.how]()


def _beside(everybody: ibis.Table, reduced: ibis.Table) -> ibis.Table:
    joined = everybody.left_join(reduced, list(KEY)).drop("customer_id_right", "cut_us_right")
    totals = {s.name: _[s.name].fill_null(0.0) for s in states_of(FEATURES) if s.how == "sum" and s.name in reduced.columns}
    return joined.mutate(**totals)
