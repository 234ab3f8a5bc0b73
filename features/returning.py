"""How many of those who were there lately order again soon: the rate that a comparison of two groups starts from."""

from datetime import datetime, timedelta

from ibis import _

from features.contract import CUSTOMER_ID, SALE
from features.engine import Tables
from features.instants import microseconds
from features.sources import identified


def returning(tables: Tables, at: datetime, *, days: int, active_days: int) -> tuple[int, int]:
    """(customers with a sale or an event in [at - active_days, at), those of them with a sale in [at, at + days))."""
    since, until = at - timedelta(days=active_days), at + timedelta(days=days)
    sold = tables.orders.filter((_.line_kind == SALE) & _.customer_id.notnull())
    bought = sold.filter((_.ordered_at >= since) & (_.ordered_at < at)).select(CUSTOMER_ID)
    seen = identified(tables.events).filter((_.at >= microseconds(since)) & (_.at < microseconds(at)) & (_.known_at < microseconds(at)))
    active = bought.union(seen.select(CUSTOMER_ID), distinct=True)
    again = sold.filter((_.ordered_at >= at) & (_.ordered_at < until)).select(CUSTOMER_ID).distinct()
    return int(active.count().execute()), int(active.semi_join(again, CUSTOMER_ID).count().execute())
