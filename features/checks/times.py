"""Order in time: what answers something comes after it, and nobody brings back what they have not bought."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import ibis
from ibis import _

from features.checks.findings import Check, Rule, only_row
from features.contract import (
    CUSTOMER_ID,
    CUSTOMERS,
    DECIDED_AT,
    DECISION_ID,
    DECISIONS,
    EVENT_ID,
    EVENTS,
    JOINED_AT,
    LINE_KIND,
    OCCURRED_AT,
    ORDERED_AT,
    ORDERS,
    OUTCOMES,
    PRODUCT_ID,
    PRODUCTS,
    RETURN,
    SALE,
)

_BEFORE_THE_EXPORT: Final = timedelta(days=90)
_CLOCKS: Final = "Check timezone and date_format in the mapping of both tables."
_RETURN_SHARE, _JOINED_SHARE, _RANGE_SHARE = 0.02, 0.05, 0.01
_EARLY_RETURNS: Final = Rule(
    ORDERS.name,
    "returns follow a purchase",
    "WARN",
    f"Customers whose first line is a return, later than 90 days into the history; a note up to {_RETURN_SHARE:.0%} of all.",
    "Ingest older orders, too, and check cancelled_order_pattern in the mapping.",
)
_JOINED: Final = Rule(
    CUSTOMERS.name,
    "customers join before they order",
    "WARN",
    f"Customers whose joined_at lies over a day after their first order; a note up to {_JOINED_SHARE:.0%} of those with joined_at, "
    "since some shop as a guest first.",
    "Check that joined_at is the sign-up, not the last change; and check timezone and date_format in the mapping.",
)
_RANGE: Final = Rule(
    PRODUCTS.name,
    "products are in the range before they are sold",
    "WARN",
    f"Products whose available_from lies over a day after their first sale; a note up to {_RANGE_SHARE:.0%} of those with available_from.",
    "Check available_from: such a product is not recommended before then.",
)


def time_checks(whole: Mapping[str, ibis.Table]) -> Iterator[Check]:
    """The checks for which the home has the tables, over all of them."""
    if ORDERS.name in whole:
        yield from _of_orders(whole)
    if DECISIONS.name in whole:
        for table in (EVENTS.name, OUTCOMES.name):
            if table in whole:
                yield from _answers(table, whole[table], whole[DECISIONS.name])


def _of_orders(whole: Mapping[str, ibis.Table]) -> Iterator[Check]:
    lines = whole[ORDERS.name]
    at, kind = lines[ORDERED_AT], lines[LINE_KIND]
    people = lines.group_by(CUSTOMER_ID).aggregate(sold_at=at.min(where=kind == SALE), returned_at=at.min(where=kind == RETURN))
    yield _early_returns(people)
    if CUSTOMERS.name in whole:
        yield _late(_JOINED, whole[CUSTOMERS.name], people, (CUSTOMER_ID, JOINED_AT), _JOINED_SHARE)
    if PRODUCTS.name in whole:
        sold = lines.filter(kind == SALE).group_by(PRODUCT_ID).aggregate(sold_at=_[ORDERED_AT].min())
        yield _late(_RANGE, whole[PRODUCTS.name], sold, (PRODUCT_ID, "available_from"), _RANGE_SHARE)


def _early_returns(people: ibis.Table) -> Check:
    begun = only_row(people.aggregate(at=_.sold_at.min()))["at"]
    if begun is None:
        return _EARLY_RETURNS.passed()
    late = people.returned_at > ibis.literal(begun + _BEFORE_THE_EXPORT)
    early = late & (people.sold_at.isnull() | (people.returned_at < people.sold_at))
    found = only_row(people.aggregate(all=_.count(), **_count_and_first(early, people[CUSTOMER_ID], people.returned_at)))
    first = f"{CUSTOMER_ID} {found['first']}: returned {found['at']}"
    return _EARLY_RETURNS.tried(found["n"], first, alarm=found["n"] > _RETURN_SHARE * found["all"])


def _late(rule: Rule, rows: ibis.Table, sold: ibis.Table, names: tuple[str, str], tolerated: float) -> Check:
    """Rows whose instant lies over a day after the first sale of their key."""
    key, instant = names
    both = rows.select(key, instant).inner_join(sold.select(key, "sold_at"), key)
    late = both[instant] > both.sold_at + ibis.interval(days=1)
    found = only_row(both.aggregate(all=both[instant].count(), **_count_and_first(late, both[key], both.sold_at)))
    first = f"{key} {found['first']}: first sold {found['at']}"
    return rule.tried(found["n"], first, alarm=found["n"] > tolerated * found["all"])


def _answers(table: str, rows: ibis.Table, decisions: ibis.Table) -> Iterator[Check]:
    """Up to a day too early is a matter of clocks and dates; more is impossible."""
    made = decisions.select(DECISION_ID, DECIDED_AT)
    both = rows.select(EVENT_ID, DECISION_ID, OCCURRED_AT).inner_join(made, DECISION_ID)
    early = both[OCCURRED_AT] < both[DECIDED_AT]
    far = both[OCCURRED_AT] < both[DECIDED_AT] - ibis.interval(days=1)
    impossible = Rule(
        table, "decisions come first", "FAIL", f"{table.capitalize()} over a day before the decision that they answer.", _CLOCKS
    )
    skewed = Rule(
        table,
        "decisions come first by the clock",
        "WARN",
        f"{table.capitalize()} up to a day before the decision that they answer.",
        _CLOCKS,
    )
    for rule, broken in ((impossible, far), (skewed, early & ~far)):
        found = only_row(both.aggregate(**_count_and_first(broken, both[EVENT_ID], both[OCCURRED_AT])))
        yield rule.tried(found["n"], f"{EVENT_ID} {found['first']}: {OCCURRED_AT} {found['at']}")


def _count_and_first(broken: Any, key: Any, at: Any) -> dict[str, Any]:
    return {"n": broken.fill_null(False).sum().fill_null(0), "first": key.argmin(at, where=broken), "at": at.min(where=broken)}
