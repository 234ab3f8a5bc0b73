"""Orders whose lines have times of their own, as tills stamp them: they are placed at once, when the first line is."""

from typing import Any, Final

import ibis

from features.contract import CUSTOMER_ID, LINE_KIND, ONE_ORDER_HOURS, ORDER_ID, ORDERED_AT, SALE
from features.fingerprints import distinct_count, fingerprint

AT_ONCE: Final = "ordered_at: lines of one order at different times: taken as placed with the first"
MOVED: Final = "__moved"
_FIRST, _LAST = "__first", "__last"
_ORDER: Final = [CUSTOMER_ID, ORDER_ID]


def at_different_times(lines: ibis.Table, row_count: int) -> bool:
    """Whether sale lines of one customer's order differ in time at all; it takes two sorts of numbers, and almost no file needs more."""
    sales = lines.filter(lines[LINE_KIND] == SALE)
    order = fingerprint([sales[c] for c in _ORDER])
    return distinct_count(sales, order, row_count) < distinct_count(sales, fingerprint([order, sales[ORDERED_AT]]), row_count)


def placed_at_once(lines: ibis.Table) -> ibis.Table:
    """The lines, the sale lines of an order within a day of its first one at the time of that one; MOVED says which have another time now.

    What lies later than a day keeps its time, so that doing it again changes nothing.
    """
    sales = lines.filter(lines[LINE_KIND] == SALE)
    times = sales.group_by(_ORDER).aggregate(**{_FIRST: sales[ORDERED_AT].min(), _LAST: sales[ORDERED_AT].max()})
    apart = times.filter(times[_FIRST] < times[_LAST]).drop(_LAST)
    joined = lines.left_join(apart, _ORDER)
    first, at = joined[_FIRST], joined[ORDERED_AT]
    moved = ((joined[LINE_KIND] == SALE) & (at > first) & (at <= first + ibis.interval(hours=ONE_ORDER_HOURS))).fill_null(False)
    kept: dict[str, Any] = {c: joined[c] for c in lines.columns}
    return joined.select(**{**kept, ORDERED_AT: moved.ifelse(first, at), MOVED: moved})
