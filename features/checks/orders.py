"""Whole orders: of one customer, within a day, loaded once. One pass over the lines gives a row per day, which says all of it."""

from collections.abc import Iterator
from typing import Any, Final

import ibis
import pandas as pd
from ibis import _

from features.checks.findings import Check, Rule
from features.contract import CUSTOMER_ID, LINE_KIND, ORDER_ID, ORDERED_AT, ORDERS, PRODUCT_ID, QUANTITY, RETURN, SALE, UNIT_PRICE

_ONE: Final = "Lines of different orders share an order_id: put store, day or till into it."
_ONE_CUSTOMER: Final = Rule(ORDERS.name, "an order has one customer", "WARN", "Orders whose lines name several customers.", _ONE)
_WITHIN_A_DAY: Final = Rule(
    ORDERS.name, "an order lies within a day", "WARN", "Orders whose lines, but returns, lie more than 24 hours apart.", _ONE
)
_COPIED_SHARE: Final = 0.01
_ONCE: Final = Rule(
    ORDERS.name,
    "orders are loaded once",
    "WARN",
    "Orders beyond the first of the same customer, instant, products, quantities and amount, under other order_ids; "
    f"a note up to {_COPIED_SHARE:.0%} of all.",
    "The same orders came in under two numberings: keep one export, and start a new home without the other.",
)
_DAYS_ONCE: Final = Rule(
    ORDERS.name,
    "days are loaded once",
    "WARN",
    "Days of at least 10 orders nearly all of which stand there twice, or that are, line by line, another day under a new date.",
    "Leave the second copy out of the files, and start a new home with them.",
)
_TWICE: Final = 0.45  # copies among all orders of a day; exactly half when it was loaded twice
_LEAST_ORDERS: Final = 10
_PRIME: Final = 1_000_003


def order_days(rows: ibis.Table) -> pd.DataFrame:
    """One row per day (UTC) with an order: how many orders (returns alone are none), customers and copies, and what is odd.

    Columns: day; order_count, customer_count; copy_count; mixed_count and late_count with a first offender each; content, a
    fingerprint of who bought what that day. Ascending by day.
    """
    days = _signatures(_orders(rows))
    frame: pd.DataFrame = days.order_by("day").to_pandas()
    return frame


def order_checks(days: pd.DataFrame) -> Iterator[Check]:
    """What the days' rows say about the orders."""
    for rule, name in ((_ONE_CUSTOMER, "mixed"), (_WITHIN_A_DAY, "late")):
        odd = days[days[f"{name}_count"] > 0]
        yield rule.tried(int(odd[f"{name}_count"].sum()), odd[f"{name}_first"].iloc[0] if len(odd) else "")
    copied = days[days.copy_count > 0]
    copies = int(copied.copy_count.sum())
    first = f"{ORDER_ID} {copied.copy_first.iloc[0]}" if copies else ""
    yield _ONCE.tried(copies, first, alarm=copies > _COPIED_SHARE * days.order_count.sum())
    yield _whole_days(days[days.order_count >= _LEAST_ORDERS])


def _whole_days(days: pd.DataFrame) -> Check:
    within = days.copy_count >= _TWICE * days.order_count
    again = days.duplicated("content", keep="first")
    twice = days[within | again]
    return _DAYS_ONCE.tried(len(twice), f"{twice.day.iloc[0]:%Y-%m-%d}" if len(twice) else "")


def _orders(rows: ibis.Table) -> ibis.Table:
    """One row per order. What it holds is summed, so that the order of its lines does not matter."""
    at, kind = rows[ORDERED_AT], rows[LINE_KIND]
    product = rows[PRODUCT_ID].fill_null("").hash() % _PRIME
    kept = rows.filter(at.notnull() & rows[ORDER_ID].notnull()).select(
        order=rows[ORDER_ID],
        customer=rows[CUSTOMER_ID],
        at=at,
        sold=kind == SALE,
        lasting=(kind == RETURN).ifelse(ibis.null("timestamp(6)"), at),
        product=product.cast("int64"),
        pieces=rows[QUANTITY].fill_null(0),
        amount=(rows[QUANTITY] * rows[UNIT_PRICE]).fill_null(0),
    )
    return kept.group_by("order").aggregate(
        customer=_.customer.min(),
        other=_.customer.max(),
        at=_.at.min(),
        first=_.lasting.min(),
        last=_.lasting.max(),
        sold=_.sold.any(),
        lines=_.count(),
        products=_["product"].sum(),
        pieces=_.pieces.sum().round(3),
        amount=_.amount.sum().round(2),
    )


def _signatures(orders: ibis.Table) -> ibis.Table:
    """Orders that look the same put together, and then the days."""
    mixed = orders.customer != orders.other
    late = orders["last"] > orders["first"] + ibis.interval(days=1)
    said = ibis.literal(f"{ORDER_ID} ") + orders.order
    told = orders.mutate(
        mixed=mixed.ifelse(said + f": {CUSTOMER_ID} " + orders.customer + " and " + orders.other, ibis.null("string")),
        late=late.ifelse(said + f": {ORDERED_AT} " + orders["last"].cast("string"), ibis.null("string")),
    )
    same = told.group_by(["customer", "at", "sold", "lines", "products", "pieces", "amount"]).aggregate(
        n=_.count(),
        order=_.order.max(),
        mixed_count=_.mixed.count(),
        mixed_first=_.mixed.min(),
        late_count=_.late.count(),
        late_first=_.late.min(),
    )
    return same.group_by(day=same["at"].truncate("D")).aggregate(**_of_day(same))


def _of_day(same: ibis.Table) -> dict[str, Any]:
    bought = same.sold.ifelse(same.n, 0)
    copies = same.sold.ifelse(same.n - 1, 0)
    person = same.customer.fill_null("").hash() % _PRIME
    return {
        "order_count": bought.sum().cast("int64"),
        "customer_count": same.customer.nunique(where=same.sold),
        "copy_count": copies.sum().cast("int64"),
        "copy_first": same.order.min(where=copies > 0),
        "mixed_count": same.mixed_count.sum().cast("int64"),
        "mixed_first": same.mixed_first.min(),
        "late_count": same.late_count.sum().cast("int64"),
        "late_first": same.late_first.min(),
        "content": (person.cast("int64") * ((same.products + same.lines) % _PRIME).cast("int64") * same.n % (_PRIME * _PRIME))
        .sum()
        .cast("string"),
    }
