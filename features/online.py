"""The definitions over one customer's own history, in NumPy: the same values as `features.batch`, at request time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import numpy as np

from features.definitions import FEATURES
from features.history import CustomerHistory
from features.instants import DAY_US, microseconds
from features.own_rows import SOURCES, Columns, Known, ShopFacts
from features.states import State, states_of

NO_FACTS: Final = ShopFacts()


def features(history: CustomerHistory, as_of: datetime, shop: ShopFacts = NO_FACTS) -> dict[str, float]:
    """Every feature of `definitions.NAMES` as of a naive UTC instant; NaN is unknown. Rows at or after `as_of` are not seen.

    Nobody's history, or one that begins later, gives counts of 0 and everything else unknown.
    """
    cut = microseconds(as_of)
    known = Known.of(history.before(as_of), shop, cut)
    rows = {"lines": len(known.sold["at"]), "history": len(known.history.lines["at"]), "events": len(known.history.events["at"])}
    rows["contacts"] = len(known.history.contacts["at"])
    values = dict(_NOTHING)
    for plan in _PLANS:
        if rows[_MADE_OF[plan.source]]:
            plan.reduce(SOURCES[plan.source](known), cut, values)
    at = float(cut)
    return {feature.name: float(feature.value(values, at)) for feature in FEATURES}


@dataclass(frozen=True)
class _Plan:
    """The states of one source, sorted by how they are reduced: sums by (column, window) places, and the others."""

    source: str
    columns: tuple[str, ...]
    windows: tuple[int, ...]
    sums: tuple[tuple[State, int, int], ...]
    greatest: tuple[State, ...]
    least: tuple[State, ...]
    last: tuple[State, ...]

    @classmethod
    def of(cls, source: str, states: Sequence[State]) -> Self:
        sums = [state for state in states if state.how == "sum"]
        columns = tuple(dict.fromkeys(state.column for state in sums))
        windows = tuple(dict.fromkeys(state.days or 0 for state in sums))
        placed = tuple((state, columns.index(state.column), windows.index(state.days or 0)) for state in sums)
        others = {how: tuple(state for state in states if state.how == how) for how in ("max", "min", "last")}
        return cls(source, columns, windows, placed, others["max"], others["min"], others["last"])

    def reduce(self, rows: Columns, cut: int, values: dict[State, float]) -> None:
        """Puts the states of these rows, sorted by `at`, into `values`."""
        at = rows["at"]
        if not len(at):
            return
        if self.sums:
            self._sum(rows, cut, values)
        if self.greatest:
            found = np.fmax.reduce(np.array([rows[state.column] for state in self.greatest], dtype=float), axis=1)
            values.update(zip(self.greatest, found.tolist(), strict=True))
        if self.least:
            found = np.fmin.reduce(np.array([rows[state.column] for state in self.least], dtype=float), axis=1)
            values.update(zip(self.least, found.tolist(), strict=True))
        for state in self.last:
            column = rows[state.column]
            known = column[~np.isnan(column)]
            values[state] = float(known[-1]) if len(known) else math.nan

    def _sum(self, rows: Columns, cut: int, values: dict[State, float]) -> None:
        """Totals of the newest rows, from the newest on: a window is one place among them, and nothing cancels out."""
        at = rows["at"]
        table = np.zeros((len(self.columns), len(at) + 1))
        np.cumsum(np.array([rows[column] for column in self.columns])[:, ::-1], axis=1, out=table[:, 1:])
        since = np.array([cut - days * DAY_US if days else -(2**62) for days in self.windows])
        totals = table[:, len(at) - np.searchsorted(at, since)].tolist()
        for state, column, window in self.sums:
            values[state] = totals[column][window]


_STATES: Final = states_of(FEATURES)
_NOTHING: Final = {state: 0.0 if state.how == "sum" else math.nan for state in _STATES}
_PLANS: Final = tuple(_Plan.of(source, [state for state in _STATES if state.source == source]) for source in SOURCES)
_MADE_OF: Final = {
    "orders": "lines",
    "firsts": "lines",
    "categories": "lines",
    "returns": "history",
    "events": "events",
    "carts": "events",
    "contacts": "contacts",
}
