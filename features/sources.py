"""The sources of the feature states in Ibis: a customer's rows with backward-looking columns, each row unchanged by anything after it.

Every source has customer_id, at (the row's instant, in microseconds), known_at (from when on the row may be used), and its
columns as float64.
"""

import ibis
from ibis import _

from features.contract import FEE, RETURN, SALE
from features.definitions import EVENT_GROUPS, REPEAT_VIEW_DAYS
from features.engine import Tables
from features.instants import DAY_US


def lines(tables: Tables) -> ibis.Table:
    """One row per sale line, with flags for the first line of an order, of a day and of a product, and the gap before the day."""
    sold = _priced(tables.orders.filter(_.line_kind == SALE))
    earlier_days = ibis.window(group_by="customer_id", order_by="day", range=(None, -1))
    seen = sold.mutate(
        order_row=_first("order_id"),
        day_row=_first("day"),
        product_row=_first("product_id"),
        day_before=sold.day.max().over(earlier_days),
    )
    new_day = seen.day_row == 0
    new_order = _number(seen.order_row == 0)
    gap = (new_day & seen.day_before.notnull()).ifelse(_float(seen.day - seen.day_before), 0.0)
    weekday = ((seen.day + 3) % 7 + 7) % 7  # 1970-01-01 was a Thursday; Monday is 0
    return seen.select(
        "customer_id",
        "at",
        known_at="at",
        value=_float(seen.value),
        gross=_float(seen.gross),
        discount=_float(seen.discount),
        quantity=_float(seen.quantity.fill_null(1.0)),
        line=_one(),
        new_order=new_order,
        new_day=_number(new_day),
        new_product=_number((seen.product_row == 0) & seen.product_id.notnull()),
        gap_days=gap,
        gap_squared=gap * gap,
        weekend=new_order * _number(weekday >= 5),
        evening=new_order * _number(seen.at - seen.day * DAY_US >= 18 * DAY_US // 24),
        discounted=_number(seen.discount > 0),
        day=_float(seen.day),
        previous_day=_float(new_day.ifelse(seen.day_before, ibis.null("int64"))),
    )


def returns(tables: Tables) -> ibis.Table:
    """One row per returned line, its value positive."""
    back = _priced(tables.orders.filter(_.line_kind == RETURN))
    return back.select("customer_id", "at", known_at="at", value=_float(back.gross.abs()), line=_one())


def fees(tables: Tables) -> ibis.Table:
    """One row per fee line: they make somebody a customer, and carry no feature."""
    paid = tables.orders.filter(_.line_kind == FEE)
    at = instant_us(paid.ordered_at)
    return paid.select("customer_id", at=at, known_at=at)


def events(tables: Tables) -> ibis.Table:
    """One row per event of a customer; a visitor's earlier events count from the moment the visitor was identified."""
    known = identified(tables.events)
    # Rows that became known together stand together: whether a view is a repeat must not depend on views that became known later.
    known = known.mutate(together=(known.known_at > known.at).ifelse(known.known_at, 0))
    viewed = ibis.window(group_by=["customer_id", "event_type", "product_id", "together"], order_by=["at", "event_id"])
    known = known.mutate(
        view_before=known.at.lag().over(viewed),
        sequence=ibis.row_number().over(group_by="customer_id", order_by=["at", "value"]),
    )
    again = (known.event_type == "product_view") & known.product_id.notnull() & (known.at - known.view_before <= REPEAT_VIEW_DAYS * DAY_US)
    columns = {}
    for group, types in EVENT_GROUPS.items():
        member = again.fill_null(False) if group == "repeat_view" else known.event_type.isin(types)
        columns[group] = _number(member)
        columns[f"at_{group}"] = member.ifelse(known.at, ibis.null("int64"))
    score = (known.event_type == "survey_answered").ifelse(known.value, ibis.null("float64"))
    return known.select("customer_id", "at", "known_at", "sequence", survey_score=score, **columns)


def instant_us(column: ibis.expr.types.TimestampColumn) -> ibis.expr.types.IntegerColumn:
    """A column of instants as whole microseconds from 1970-01-01."""
    return column.delta(ibis.timestamp("1970-01-01"), unit="microsecond").cast("int64")


def _priced(table: ibis.Table) -> ibis.Table:
    """Order lines with at, day (whole days from 1970-01-01), and their value; a missing price counts as 0, a missing quantity as 1."""
    at = instant_us(table.ordered_at)
    gross = table.quantity.fill_null(1.0) * table.unit_price.fill_null(0.0)
    discount = table.discount_amount.fill_null(0.0)
    return table.mutate(at=at, day=(at - at % DAY_US) // DAY_US, gross=gross, discount=discount, value=gross - discount)


def identified(table: ibis.Table) -> ibis.Table:
    """Events of known customers, a visitor's earlier ones included, with at and known_at (later than at where identified later)."""
    linked = table.filter((_.event_type == "identify") & _.visitor_id.notnull() & _.customer_id.notnull())
    links = linked.group_by(link="visitor_id").aggregate(
        linked_customer=linked.customer_id.argmin(linked.occurred_at), linked_at=instant_us(linked.occurred_at.min())
    )
    joined = table.left_join(links, (table.visitor_id == links.link) & table.customer_id.isnull())
    at = instant_us(joined.occurred_at)
    owned = joined.mutate(
        customer_id=ibis.coalesce(joined.customer_id, joined.linked_customer),
        at=at,
        known_at=(joined.customer_id.isnull()).ifelse(ibis.greatest(at, joined.linked_at), at),
    )
    return owned.filter(owned.customer_id.notnull())


def _first(what: str) -> ibis.expr.types.IntegerColumn:
    return ibis.row_number().over(group_by=["customer_id", what], order_by=["at", "order_id"])


def _float(column: ibis.expr.types.NumericColumn) -> ibis.expr.types.FloatingColumn:
    return column.cast("float64")


def _number(flag: ibis.expr.types.BooleanColumn) -> ibis.expr.types.FloatingColumn:
    return flag.ifelse(_one(), ibis.literal(0, type="float64"))


def _one() -> ibis.expr.types.FloatingScalar:
    return ibis.literal(1, type="float64")
