"""Which order a return takes back from, where the source does not say it: the customer's newest earlier order of that product."""

import ibis
from ibis import _

from features.contract import (
    CUSTOMER_ID,
    LINE_KIND,
    ORDER_ID,
    ORDERED_AT,
    PRODUCT_ID,
    RETURN,
    RETURNED_ORDER_DERIVED,
    RETURNED_ORDER_ID,
    SALE,
)

_PAIR = [CUSTOMER_ID, PRODUCT_ID]


def with_returned_orders(engine: ibis.BaseBackend, orders: ibis.Table) -> ibis.Table:
    """All order lines, with returned_order_id and returned_order_derived as what all of them together say.

    A return line without an order of its own takes that of the newest sale line of the same customer and product that was ordered before it
    (of several at one instant, the greatest order_id); what was derived before is derived anew, what a source said stays. Returns without a
    product, and those without an earlier order, stay without one.
    """
    if PRODUCT_ID not in orders.columns:
        return orders
    lines = _undone(orders)
    is_open = (lines[LINE_KIND] == RETURN) & lines[PRODUCT_ID].notnull() & lines[RETURNED_ORDER_ID].isnull()
    returns = engine.create_table("orders_returned", lines.filter(is_open), temp=True)
    if not returns.count().to_pyarrow().as_py():
        return lines
    others = lines.filter(~is_open.fill_null(False))
    found = _orders_before(lines, returns)
    linked = returns.left_join(found, [*_PAIR, ORDERED_AT])
    columns = {c: linked[c] for c in lines.columns if c not in (RETURNED_ORDER_ID, RETURNED_ORDER_DERIVED)}
    derived = linked["__sale"].notnull().ifelse(True, ibis.null("boolean"))
    told = linked.select(**columns, **{RETURNED_ORDER_ID: linked["__sale"], RETURNED_ORDER_DERIVED: derived})
    return ibis.union(others.select(*told.columns), told)


def _undone(orders: ibis.Table) -> ibis.Table:
    """The lines with what sources said of returned orders alone."""
    has = {c: c in orders.columns for c in (RETURNED_ORDER_ID, RETURNED_ORDER_DERIVED)}
    given = orders[RETURNED_ORDER_ID] if has[RETURNED_ORDER_ID] else ibis.null("string")
    if has[RETURNED_ORDER_DERIVED]:
        given = orders[RETURNED_ORDER_DERIVED].fill_null(False).ifelse(ibis.null("string"), given)
    return orders.mutate(**{RETURNED_ORDER_ID: given, RETURNED_ORDER_DERIVED: ibis.null("boolean")})


def _orders_before(lines: ibis.Table, returns: ibis.Table) -> ibis.Table:
    """Per customer, product and instant at which something was returned: the order of the newest sale before (`__sale`)."""
    moments = returns.select(*_PAIR, ORDERED_AT).distinct()
    sales = lines.filter(lines[LINE_KIND] == SALE).semi_join(moments.select(*_PAIR).distinct(), _PAIR)
    orders = sales.group_by(*_PAIR, ORDERED_AT).aggregate(__sale=_[ORDER_ID].max())
    both = ibis.union(
        orders.select(*_PAIR, ORDERED_AT, __sold_at=_[ORDERED_AT], __returned=ibis.literal(False)),
        moments.select(*_PAIR, ORDERED_AT, __sold_at=ibis.null("timestamp(6)"), __returned=ibis.literal(True)),
    )
    # at one instant the return comes first: an order of the same instant is not before it
    before = ibis.cumulative_window(group_by=_PAIR, order_by=[ORDERED_AT, ibis.desc("__returned")])
    newest = both.mutate(__before=both["__sold_at"].max().over(before)).filter(_["__returned"])
    joined = newest.join(
        orders, [(newest[c], orders[c]) for c in _PAIR] + [(newest["__before"], orders[ORDERED_AT])], rname="__sold_{name}"
    )
    return joined.select(*_PAIR, ORDERED_AT, "__sale")
