"""How much happens per day and week: gaps, sudden drops and jumps, the newest day, and how far back the history goes."""

from collections.abc import Iterator
from typing import Final

import ibis
import numpy as np
import pandas as pd
from ibis import _

from features.checks.calendar_gaps import Counts, Gap, unexplained_gaps
from features.checks.findings import Check, Rule
from features.checks.surges import Surge, odd_weeks
from features.contract import EVENT_TYPE, EVENTS, OCCURRED_AT, ORDERS

_SHORTEST_DAYS: Final = 28
_YEAR_DAYS: Final = 365
_PARTIAL_SHARE: Final = 0.5
_MISSING_FILES: Final = "Was the shop closed, or is an export missing? Ingest the missing days' files."


def order_volume_checks(days: pd.DataFrame) -> Iterator[Check]:
    """Checks of orders per day (features.checks.orders.order_days); days after the newest order are not known, and not missed."""
    first, orders = _daily(days, "order_count")
    customers = _daily(days, "customer_count")[1]
    yield _length(len(orders))
    yield _gap_check(unexplained_gaps(first, orders))
    # a day without orders is a closed day: whether it should have been is for the gaps to say
    found = {"orders": odd_weeks(first, orders, orders == 0), "customers": odd_weeks(first, customers, customers == 0)}
    yield from _surge_checks(ORDERS.name, found)
    yield _newest_day(first, orders)


def event_volume_checks(rows: ibis.Table) -> Iterator[Check]:
    """Drops and jumps of each type of event, from the type's first day to the newest day of any type."""
    known = rows.filter(rows[OCCURRED_AT].notnull() & rows[EVENT_TYPE].notnull())
    per_day = known.group_by([EVENT_TYPE, known[OCCURRED_AT].truncate("D").name("day")]).aggregate(n=_.count())
    frame = per_day.order_by(["day", EVENT_TYPE]).to_pandas()
    newest = frame.day.max()
    of_type = {str(name): _daily(days, "n", until=newest) for name, days in frame.groupby(EVENT_TYPE, sort=True)}
    yield from _surge_checks(EVENTS.name, {name: odd_weeks(at, n, np.zeros(len(n), dtype=bool)) for name, (at, n) in of_type.items()})


def _daily(days: pd.DataFrame, column: str, *, until: pd.Timestamp | None = None) -> tuple[np.datetime64, Counts]:
    """The first day, and the counts of every day from then on; a day that is not there has none."""
    busy = days[days[column] > 0]
    counts = busy.set_index("day")[column]
    if not len(counts):
        return np.datetime64("1970-01-01"), np.empty(0)
    every = pd.date_range(counts.index.min(), until or counts.index.max(), freq="D")
    return np.datetime64(every[0].date()), counts.reindex(every, fill_value=0).to_numpy("float64")


def _length(days: int) -> Check:
    rule = Rule(
        ORDERS.name,
        "the history is long enough to learn from",
        "WARN",
        f"Days of history, where they are under {_SHORTEST_DAYS}: the shortest horizon, a week, needs four. A note under a year: "
        "seasons cannot be learned.",
        "Bring older orders in.",
    )
    if days >= _YEAR_DAYS:
        return rule.passed()
    return rule.tried(days, f"{days} days: models can look {days // 4} days ahead", alarm=days < _SHORTEST_DAYS)


def _gap_check(gaps: list[Gap]) -> Check:
    rule = Rule(
        ORDERS.name,
        "no days are missing",
        "WARN",
        "Days without any order, in gaps of five days or more that the weekly rhythm, the turn of the year and other years do not explain.",
        _MISSING_FILES,
    )
    return rule.tried(sum(gap.days for gap in gaps), str(gaps[0]) if gaps else "")


def _surge_checks(table: str, found: dict[str, list[Surge]]) -> Iterator[Check]:
    drop = Rule(
        table,
        "volume does not drop suddenly",
        "WARN",
        "Weeks with under a third of the usual of the eight weeks before, far outside how weeks differ here.",
        _MISSING_FILES,
    )
    jump = Rule(
        table,
        "volume does not jump suddenly",
        "WARN",
        "Weeks with over three times the usual of the eight weeks before, far outside how weeks differ here.",
        "Was it a campaign, or was something loaded twice or measured anew? Leave copies out of the files.",
    )
    for rule, is_drop in ((drop, True), (jump, False)):
        odd = [(name, week) for name, weeks in found.items() for week in weeks if week.is_drop == is_drop]
        oldest = min(odd, key=lambda one: one[1].first, default=None)
        yield rule.tried(len(odd), _said(*oldest) if oldest else "")


def _said(name: str, week: Surge) -> str:
    return f"{name}, week of {week.first}: {week.count:,.0f}, usually {week.usual:,.0f}"


def _newest_day(first: np.datetime64, orders: Counts) -> Check:
    rule = Rule(
        ORDERS.name,
        "the newest day is whole",
        "INFO",
        "A note where the newest day has under half the orders that are usual on its weekday: the export was made before its end.",
        "Nothing, or give commands the midnight before it: --as-of.",
    )
    usual = float(np.median(orders[-8::-7][:8])) if len(orders) > 28 else 0.0
    partial = bool(len(orders)) and orders[-1] < _PARTIAL_SHARE * usual
    day = first + np.timedelta64(max(len(orders) - 1, 0), "D")
    return rule.tried(int(partial), f"{day}: {orders[-1]:,.0f} orders, usually {usual:,.0f}" if partial else "")
