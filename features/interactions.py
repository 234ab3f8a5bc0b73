"""Who bought what, when: the customer x product table that affinity learns from."""

from datetime import datetime

import pandas as pd
from ibis import _

from features.contract import CUSTOMER_ID, ORDER_ID, ORDERED_AT, PRODUCT_ID, QUANTITY, SALE
from features.engine import Tables

COLUMNS = (CUSTOMER_ID, PRODUCT_ID, ORDER_ID, ORDERED_AT, QUANTITY)


def purchases(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """customer_id, product_id, order_id, ordered_at (the product's first line in that order), quantity (pieces; a missing one counts as 1).

    Grain: one row per order and product, in the order of time; sale lines with a product, before `as_of`. Returns and fees are no
    purchases. A shop whose orders name no products has no rows.
    """
    sold = tables.orders.filter((_.line_kind == SALE) & _.product_id.notnull() & (_.ordered_at < as_of))
    distinct = sold.group_by(CUSTOMER_ID, PRODUCT_ID, ORDER_ID).aggregate(
        **{ORDERED_AT: sold.ordered_at.min(), QUANTITY: sold.quantity.fill_null(1.0).sum()}
    )
    table: pd.DataFrame = distinct.order_by([ORDERED_AT, CUSTOMER_ID, ORDER_ID, PRODUCT_ID]).to_pandas()
    texts = dict.fromkeys((CUSTOMER_ID, PRODUCT_ID, ORDER_ID), "str")
    return table[list(COLUMNS)].astype({**texts, ORDERED_AT: "datetime64[us]", QUANTITY: "float64"})
