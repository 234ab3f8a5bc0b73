"""Instants of orders that have no date, from the days between a customer's orders, their weekdays and their hours."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final

import ibis
from ibis import _

from features.contract import CUSTOMER_ID, ORDER_ID, ORDERED_AT
from features.ingest.mapping import WEEKDAYS, Gaps

RECONSTRUCTED: Final = "ordered_at: reconstructed from days between orders"
CONTRADICTED: Final = "orders whose weekday or hour contradicts the days between orders (the days count)"
GAP_PARTS: Final = ("number", "days_since_previous", "weekday", "hour")
_DAY_SECONDS: Final = 86_400
_NAIVE: Final = "timestamp(6)"


@dataclass(frozen=True)
class Unusable:
    """Orders without which their customer's days are not known: how many, of which orders column, why, and the first one's order_id."""

    count: int
    column: str
    reason: str
    order_id: str


def numbers(heads: ibis.Table, gaps: Gaps) -> ibis.Table:
    """Heads with GAP_PARTS as whole numbers (null where there is none), and `problem`: which rule of `_rules` an order breaks first."""
    whole = {name: _whole(heads[name]) for name in GAP_PARTS}
    read = heads.mutate(**{f"{name}_text": heads[name].nullif("") for name in GAP_PARTS}, **whole)
    above = ibis.window(group_by=CUSTOMER_ID, order_by="number")
    read = read.mutate(previous_number=read.number.lag().over(above), previous_weekday=read.weekday.lag().over(above))
    return read.mutate(problem=ibis.cases(*((holds, i) for i, (_column, _reason, holds) in enumerate(_rules(read, gaps)))))


def unusable(read: ibis.Table, gaps: Gaps) -> Unusable | None:
    """The most frequent problem of `numbers`, if there is one."""
    found = read.filter(read.problem.notnull()).group_by("problem").aggregate(n=_.count(), first=_[ORDER_ID].min())
    worst = found.order_by(ibis.desc("n"), "problem").limit(1).to_pyarrow().to_pylist()
    if not worst:
        return None
    column, reason, _holds = _rules(read, gaps)[worst[0]["problem"]]
    return Unusable(worst[0]["n"], column, reason, worst[0]["first"])


def reconstructed(read: ibis.Table, gaps: Gaps) -> ibis.Table:
    """The orders of `numbers` with `ordered_at`, and whether weekday or hour are `contradicted` by it; both are null for customers with a problem.

    A customer's last order is put on its weekday in the week that ends with `newest_day`, the earlier ones as many days before it as the
    gaps between say. A gap that the source has cut off (`longest_days`) is the shortest one, from there on, that agrees with the weekdays.
    Orders of one hour follow each other by a second, so that their order stays.
    """
    everything = ibis.window(group_by=CUSTOMER_ID)
    until_now = ibis.cumulative_window(group_by=CUSTOMER_ID, order_by="number")
    read = read.mutate(gap=read.previous_number.isnull().ifelse(0, _stretched(read, gaps)))
    days_left = read.gap.sum().over(everything) - read.gap.sum().over(until_now)
    last_weekday = read.weekday.argmax(read.number).over(everything)
    read = read.mutate(days_left=days_left, last_weekday=last_weekday, is_known=read.problem.count().over(everything) == 0)
    read = read.mutate(place=ibis.row_number().over(group_by=[CUSTOMER_ID, "days_left", "hour"], order_by="number"))
    seconds = read.hour * 3600 + read.place - (read.days_left + _days_before(read.last_weekday, gaps)) * _DAY_SECONDS
    midnight = ibis.literal(datetime.combine(gaps.newest_day, time()), _NAIVE)
    at = (midnight + seconds.cast("int64").as_interval("s")).cast(_NAIVE)
    read = read.mutate(**{ORDERED_AT: read.is_known.ifelse(at, ibis.null(_NAIVE))})
    before = read[ORDERED_AT].lag().over(ibis.window(group_by=CUSTOMER_ID, order_by="number"))
    other_day = _modulo(read.last_weekday - read.days_left, 7) != read.weekday
    return read.mutate(contradicted=(other_day | (read[ORDERED_AT] <= before).fill_null(False)) & read.is_known)


def _rules(read: ibis.Table, gaps: Gaps) -> list[tuple[str, str, Any]]:
    """What an order must be to be counted with: (column of the source, what is wrong, where it is)."""
    is_first = read.previous_number.isnull()
    return [
        (gaps.number, "not a whole number", read.number.isnull()),
        (gaps.weekday, "not 0 to 6", ~read.weekday.between(0, 6).fill_null(False)),
        (gaps.hour, "not 0 to 23", ~read.hour.between(0, 23).fill_null(False)),
        (gaps.number, "not the next number after the customer's order before", ~is_first & (read.number != read.previous_number + 1)),
        (gaps.days_since_previous, "empty, and not the customer's first order", ~is_first & read.days_since_previous_text.isnull()),
        (gaps.days_since_previous, "not a whole number of days", ~is_first & ~(read.days_since_previous >= 0).fill_null(False)),
    ]


def _whole(text: Any) -> Any:
    number = text.try_cast("float64")
    return ((number == number.floor()) & number.between(-1e9, 1e9)).ifelse(number, ibis.null("float64")).cast("int64")


def _stretched(read: ibis.Table, gaps: Gaps) -> Any:
    given = read.days_since_previous
    if gaps.longest_days is None:
        return given
    missing = _modulo(read.weekday - read.previous_weekday - given, 7)
    return given + (given >= gaps.longest_days).ifelse(missing, 0)


def _days_before(weekday: Any, gaps: Gaps) -> Any:
    """How many days before the newest day the nearest such weekday lies: 0 to 6."""
    newest = gaps.newest_day.weekday() - WEEKDAYS.index(gaps.first_weekday)
    return _modulo(newest - weekday, 7)


def _modulo(number: Any, by: int) -> Any:
    """Never negative, whatever the engine makes of a negative number."""
    return (number % by + by) % by
