"""The sources of the feature states in Ibis: a customer's rows with backward-looking columns, each row unchanged by anything after it.

Every source has customer_id, at (the row's instant, in microseconds), known_at (from when on the row may be used), and its
columns as float64. `features.definitions` lists them.
"""

import math

import ibis
from ibis import _

from features.contract import CONTACT, NO_ACTION, RETURN, SALE
from features.definitions import BUDGET_LEVEL, CART_LEFT_AFTER_DAYS, CONTACT_KINDS, EVENT_GROUPS, PREMIUM_LEVEL, REPEAT_VIEW_DAYS
from features.engine import Tables
from features.instants import DAY_US
from features.local_time import zone
from features.products import product_facts
from features.vocabulary import year_angle


def lines(tables: Tables) -> ibis.Table:
    """One row per sale line, with its value."""
    return _priced(tables.orders.filter(_.line_kind == SALE))


def orders(tables: Tables, sold: ibis.Table) -> ibis.Table:
    """One row per order: the sale lines with one customer and order_id at one instant, with the gap before their day."""
    placed = _placed(sold)
    local = zone(tables.timezone).local_column(placed.at)
    placed = placed.mutate(local=local).mutate(day=lambda t: (t.local - t.local % DAY_US) // DAY_US)
    above = ibis.window(group_by="customer_id", order_by=["at", "order_id"])
    ranked = placed.mutate(day_before=placed.day.lag().over(above), sequence=ibis.row_number().over(above))
    new_day = ranked.day_before.isnull() | (ranked.day_before != ranked.day)
    gap = _float((ranked.day - ranked.day_before).fill_null(0))
    return ranked.select(
        "customer_id",
        "at",
        "sequence",
        *_SUMS,
        known_at="at",
        order=_one(),
        value_squared=ranked.value * ranked.value,
        line_value_max="line_value_max",
        new_day=_number(new_day),
        gap_days=gap,
        gap_squared=gap * gap,
        pause_days=(ranked.day_before.notnull() & new_day).ifelse(gap, ibis.null("float64")),
        day=_float(ranked.day),
        previous_day=new_day.ifelse(_float(ranked.day_before), ibis.null("float64")),
        **_calendar(ranked),
        **_channels(ranked),
    )


_SUMS = (
    "value",
    "gross",
    "discount",
    "quantity",
    "lines",
    "discounted_lines",
    "discounted",
)


def _placed(sold: ibis.Table) -> ibis.Table:
    return sold.group_by("customer_id", "at", "order_id").aggregate(
        value=_float(sold.value.sum()),
        gross=sold.gross.sum(),
        discount=sold.discount.sum(),
        quantity=sold.quantity.fill_null(1.0).sum(),
        lines=_float(sold.count()),
        discounted_lines=_number(sold.discount > 0).sum(),
        discounted=_number(sold.discount > 0).max(),
        line_value_max=sold.value.max(),
        channel=sold.channel.max(),
        store_id=sold.store_id.max(),
    )


def _calendar(placed: ibis.Table) -> dict[str, ibis.Value]:
    in_day = placed.local - placed.day * DAY_US
    hour_angle = _float(in_day) * (2.0 * math.pi / DAY_US)
    season = year_angle(placed.at)
    weekday = (placed.day + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    return {
        "weekend": _number(weekday >= 5),
        "morning": _number((in_day >= 5 * DAY_US // 24) & (in_day < 12 * DAY_US // 24)),
        "evening": _number(in_day >= 18 * DAY_US // 24),
        "hour_cos": hour_angle.cos(),
        "hour_sin": hour_angle.sin(),
        "year_cos": season.cos(),
        "year_sin": season.sin(),
    }


def _channels(placed: ibis.Table) -> dict[str, ibis.Value]:
    """A store is a channel, also where only the store is known."""
    channel = placed.channel.lower().fill_null(placed.store_id.notnull().ifelse("store", ""))
    return {**{name: _number(channel == name) for name in ("web", "app", "store")}, "channel_known": _number(channel != "")}


def bought(sold: ibis.Table) -> ibis.Table:
    """One row per customer and product: lines, the first and the last instant."""
    known = sold.filter(sold.product_id.notnull())
    return known.group_by("customer_id", "product_id").aggregate(n=known.count(), at=known.at.min(), last_at=known.at.max())


def firsts(sold: ibis.Table, products: ibis.Table) -> ibis.Table:
    """One row per product, channel and store of a customer, at its first order; `products` are those of `bought`."""
    found = [_flagged(products, "product")]
    for name, column in (("channel", "channel"), ("store", "store_id")):
        known = sold.filter(sold[column].notnull())
        found.append(_flagged(known.group_by("customer_id", column).aggregate(at=known.at.min()), name))
    return ibis.union(*found)


def _flagged(first: ibis.Table, name: str) -> ibis.Table:
    flags = {other: _one() if other == name else _zero() for other in ("product", "channel", "store")}
    return first.select("customer_id", "at", known_at="at", **flags)


def with_facts(rows: ibis.Table, tables: Tables) -> ibis.Table:
    """Rows of listed products with their category ("" for none) and price_level."""
    facts = product_facts(tables.products)
    joined = rows.inner_join(facts, "product_id")
    return joined.mutate(category=joined.category.fill_null(""))


def by_category(rows: ibis.Table, keys: tuple[str, ...], n: ibis.expr.types.NumericColumn, last_at: ibis.Value) -> ibis.Table:
    """Rows of `with_facts` summed up by `keys`: n (lines), at (the last one), and what of them is known of prices."""
    count, level = _float(n), rows.price_level
    return rows.group_by(*keys).aggregate(
        n=count.sum(),
        at=last_at.max(),
        priced_lines=level.notnull().ifelse(count, 0.0).sum(),
        price_level=(count * level.fill_null(0.0)).sum(),
        premium_lines=(level >= PREMIUM_LEVEL).ifelse(count, 0.0).sum(),
        budget_lines=(level < BUDGET_LEVEL).ifelse(count, 0.0).sum(),
    )


def returns(tables: Tables) -> ibis.Table:
    """One row per returned line, its value positive."""
    back = _priced(tables.orders.filter(_.line_kind == RETURN))
    return back.select("customer_id", "at", known_at="at", value=back.gross.abs(), lines=_one())


def arrivals(tables: Tables, *, with_events: bool) -> ibis.Table:
    """One row per customer, known from their first order line (of any kind) or event on."""
    at = instant_us(tables.orders.ordered_at)
    known = tables.orders.select("customer_id", known_at=at)
    if with_events:
        known = ibis.union(known, identified(tables.events).select("customer_id", "known_at"))
    return known.group_by("customer_id").aggregate(known_at=known.known_at.min())


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
    groups = {name: known.event_type.isin(types) for name, types in EVENT_GROUPS.items() if types} | {"repeat_view": again.fill_null(False)}
    score = (known.event_type == "survey_answered").ifelse(known.value, ibis.null("float64"))
    return known.select("customer_id", "at", "known_at", "sequence", survey_score=score, **_counted(known, groups))


def carts(tables: Tables) -> ibis.Table:
    """One row per product put into the cart without an order of the customer in the day after, known when that day is over."""
    put = identified(tables.events.filter((_.event_type == "add_to_cart") | (_.event_type == "identify")))
    put = put.filter(put.event_type == "add_to_cart").select("customer_id", "at", "known_at", kind=ibis.literal(0, type="int64"))
    sold = tables.orders.filter(_.line_kind == SALE)
    bought = sold.select("customer_id", at=instant_us(sold.ordered_at), kind=ibis.literal(1, type="int64")).semi_join(put, "customer_id")
    both = ibis.union(put, bought.select("customer_id", "at", known_at="at", kind="kind"))
    order_at = (both.kind == 1).ifelse(both.at, ibis.null("int64"))
    after = ibis.window(group_by="customer_id", order_by=["at", "kind"], preceding=0, following=None)
    followed = both.mutate(next_order_at=order_at.min().over(after))
    day = CART_LEFT_AFTER_DAYS * DAY_US
    left = followed.filter((followed.kind == 0) & (followed.next_order_at.isnull() | (followed.next_order_at >= followed.at + day)))
    return left.select("customer_id", "at", known_at=ibis.greatest(left.known_at, left.at + day), abandoned=_one())


def contacts(tables: Tables) -> ibis.Table:
    """One row per decision that contacted a customer, and per outcome of one, at its own instant."""
    rows = contact_rows(tables)
    groups = {name: rows.kind.isin(kinds) for name, kinds in CONTACT_KINDS.items()}
    return rows.select("customer_id", "at", known_at="at", **_counted(rows, groups))


def contact_rows(tables: Tables) -> ibis.Table:
    """customer_id, decision_id, kind (contact, or an outcome's type), at: decisions other than for no action, and their later outcomes."""
    made = tables.decisions.filter((_.action_id != NO_ACTION) & _.customer_id.notnull())
    made = made.select("decision_id", "customer_id", decided_us=instant_us(made.decided_at))
    answers = tables.outcomes.inner_join(made, "decision_id")
    answers = answers.select("customer_id", "decision_id", "decided_us", kind="outcome_type", at=instant_us(answers.occurred_at))
    answers = answers.filter(answers.at >= answers.decided_us).drop("decided_us")
    return ibis.union(made.select("customer_id", "decision_id", kind=ibis.literal(CONTACT), at="decided_us"), answers)


def identified(table: ibis.Table) -> ibis.Table:
    """Events of known customers, a visitor's earlier ones included, with at and known_at (later than at where identified later)."""
    at = instant_us(table.occurred_at)
    own = table.filter(table.customer_id.notnull()).mutate(at=at, known_at=at)
    visits = table.filter(table.customer_id.isnull() & table.visitor_id.notnull())
    joined = visits.drop("customer_id").inner_join(links(table), "visitor_id")
    seen = joined.mutate(at=instant_us(joined.occurred_at)).mutate(known_at=lambda t: ibis.greatest(t.at, t.linked_at))
    return ibis.union(own, seen.select(own.columns))


def links(table: ibis.Table) -> ibis.Table:
    """visitor_id, customer_id, linked_at (microseconds): whose each visitor is, and since when.

    The first identification counts, of equally early ones the lesser customer_id.
    """
    linked = table.filter((_.event_type == "identify") & _.visitor_id.notnull() & _.customer_id.notnull())
    linked = linked.select("visitor_id", "customer_id", linked_at=instant_us(linked.occurred_at))
    earliest = linked.mutate(first_at=linked.linked_at.min().over(ibis.window(group_by="visitor_id"))).filter(_.linked_at == _.first_at)
    return earliest.group_by("visitor_id").aggregate(customer_id=earliest.customer_id.min(), linked_at=earliest.linked_at.min())


def instant_us(column: ibis.expr.types.TimestampColumn) -> ibis.expr.types.IntegerColumn:
    """A column of instants as whole microseconds from 1970-01-01."""
    return column.delta(ibis.timestamp("1970-01-01"), unit="microsecond").cast("int64")


def _priced(table: ibis.Table) -> ibis.Table:
    """Order lines with at and their value; a missing price counts as 0, a missing quantity as 1."""
    gross = table.quantity.fill_null(1.0) * table.unit_price.fill_null(0.0)
    discount = table.discount_amount.fill_null(0.0)
    return table.mutate(at=instant_us(table.ordered_at), gross=gross, discount=discount, value=gross - discount)


def _counted(rows: ibis.Table, groups: dict[str, ibis.expr.types.BooleanColumn]) -> dict[str, ibis.Value]:
    """A count column and an instant column for every group of rows."""
    nothing = ibis.null("int64")
    instants = {f"at_{name}": member.ifelse(rows.at, nothing) for name, member in groups.items()}
    return {**{name: _number(member) for name, member in groups.items()}, **instants}


def _float(column: ibis.expr.types.NumericColumn) -> ibis.expr.types.FloatingColumn:
    return column.cast("float64")


def _number(flag: ibis.expr.types.BooleanColumn) -> ibis.expr.types.FloatingColumn:
    return flag.ifelse(_one(), _zero())


def _one() -> ibis.expr.types.FloatingScalar:
    return ibis.literal(1).cast("float64")  # a literal 1.0 would be a decimal number


def _zero() -> ibis.expr.types.FloatingScalar:
    return ibis.literal(0).cast("float64")
