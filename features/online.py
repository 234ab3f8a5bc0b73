"""The definitions over one customer's own history, in NumPy: the same values as `features.batch`, at request time."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.contract import RETURN, SALE
from features.definitions import EVENT_GROUPS, FEATURES, REPEAT_VIEW_DAYS
from features.history import KINDS, CustomerHistory
from features.instants import DAY_US, microseconds
from features.states import State, states_of

Columns = Mapping[str, NDArray[np.float64]]
STATES = states_of(FEATURES)


def features(history: CustomerHistory, as_of: datetime) -> dict[str, float]:
    """Every feature of `definitions.NAMES` as of a naive UTC instant; NaN is unknown. Rows at or after `as_of` are not seen.

    Nobody's history, or one that begins later, gives counts of 0 and everything else unknown.
    """
    cut = microseconds(as_of)
    known = history.before(as_of)
    sources = {"lines": _lines(known), "returns": _returns(known), "events": _events(known)}
    values = {state: _reduced(sources[state.source], state, cut) for state in STATES}
    return {f.name: float(f.value(values, float(cut))) for f in FEATURES}


def _reduced(rows: Columns, state: State, cut: int) -> float:
    column = rows[state.column]
    if state.days:
        column = column[rows["at"] >= cut - state.days * DAY_US]
    if state.how == "sum":
        return float(column.sum())
    column = column[~np.isnan(column)]
    if not len(column):
        return math.nan
    if state.how == "last":
        return float(column[-1])
    return float(column.max() if state.how == "max" else column.min())


def _lines(history: CustomerHistory) -> Columns:
    sold = {name: column[history.lines["kind"] == KINDS.index(SALE)] for name, column in history.lines.items()}
    at, count = sold["at"], len(sold["at"])
    day = at // DAY_US
    new_order, new_day = _first(sold["order"]), _first(day)
    new_product = _first(sold["product"]) & (sold["product"] >= 0)
    days = day[new_day]
    day_before = np.concatenate([[np.nan], days[:-1]])[: len(days)]
    previous_day, gap = np.full(count, np.nan), np.zeros(count)
    previous_day[new_day] = day_before
    gap[new_day] = np.nan_to_num(days - day_before)
    quantity, gross, discount = _priced(sold)
    return {
        "at": at.astype(float),
        "value": gross - discount,
        "gross": gross,
        "discount": discount,
        "quantity": quantity,
        "line": np.ones(count),
        "new_order": new_order.astype(float),
        "new_day": new_day.astype(float),
        "new_product": new_product.astype(float),
        "gap_days": gap,
        "gap_squared": gap * gap,
        "weekend": (new_order & ((day + 3) % 7 >= 5)).astype(float),
        "evening": (new_order & (at - day * DAY_US >= 18 * DAY_US // 24)).astype(float),
        "discounted": (discount > 0).astype(float),
        "day": day.astype(float),
        "previous_day": previous_day,
    }


def _returns(history: CustomerHistory) -> Columns:
    back = {name: column[history.lines["kind"] == KINDS.index(RETURN)] for name, column in history.lines.items()}
    _, gross, _ = _priced(back)
    return {"at": back["at"].astype(float), "value": np.abs(gross), "line": np.ones(len(gross))}


def _events(history: CustomerHistory) -> Columns:
    order = np.lexsort((history.events["value"], history.events["at"]))
    rows = {name: column[order] for name, column in history.events.items()}
    at = rows["at"].astype(float)
    columns: dict[str, NDArray[np.float64]] = {"at": at}
    for group, types in EVENT_GROUPS.items():
        member = _viewed_again(history, rows) if group == "repeat_view" else _of_types(history, rows, types)
        columns[group] = member.astype(float)
        columns[f"at_{group}"] = np.where(member, at, np.nan)
    columns["survey_score"] = np.where(_of_types(history, rows, ("survey_answered",)), rows["value"], np.nan)
    return columns


def _of_types(history: CustomerHistory, rows: Mapping[str, NDArray[Any]], types: tuple[str, ...]) -> NDArray[np.bool_]:
    codes = [code for code, name in enumerate(history.event_types) if name in types]
    return np.isin(rows["type"], codes)


def _viewed_again(history: CustomerHistory, rows: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    again = np.zeros(len(rows["at"]), dtype=bool)
    views = np.flatnonzero(_of_types(history, rows, ("product_view",)) & (rows["product"] >= 0))
    together = np.where(rows["known_at"] > rows["at"], rows["known_at"], 0)
    views = views[np.lexsort((rows["at"][views], together[views], rows["product"][views]))]
    keys = np.stack([rows["product"][views], together[views]])
    same = (keys[:, 1:] == keys[:, :-1]).all(axis=0)
    again[views[1:]] = same & (np.diff(rows["at"][views]) <= REPEAT_VIEW_DAYS * DAY_US)
    return again


def _first(codes: NDArray[Any]) -> NDArray[np.bool_]:
    first = np.zeros(len(codes), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return first


def _priced(rows: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    quantity = np.where(np.isnan(rows["quantity"]), 1.0, rows["quantity"])
    gross = quantity * np.nan_to_num(rows["unit_price"])
    return quantity, gross, np.nan_to_num(rows["discount"])
