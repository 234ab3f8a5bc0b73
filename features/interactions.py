"""Who bought what, when, and what they looked at: the tables that affinity learns from, read from the home."""

from datetime import datetime

import ibis
import pandas as pd
from ibis import _

from features.contract import CUSTOMER_ID, EVENT_TYPE, OCCURRED_AT, ORDER_ID, ORDERED_AT, PRODUCT_ID, QUANTITY, SALE
from features.engine import Tables
from features.instants import microseconds
from features.interaction_tables import COLUMNS, INTEREST, LINE, RANGE, TYPES, Interactions
from features.sources import identified

__all__ = ["COLUMNS", "Interactions", "interactions"]


def interactions(tables: Tables, as_of: datetime) -> Interactions:
    """All of it before `as_of`."""
    return Interactions(purchases(tables, as_of), interest(tables, as_of), products(tables, as_of), places(tables))


def purchases(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """customer_id, product_id, order_id, ordered_at (the product's first line in that order), quantity (pieces; a missing one counts as 1).

    Grain: one row per order and product, in the order of time; sale lines with a product, before `as_of`. Returns, fees and
    lines of no pieces are no purchases. A shop whose orders name no products has no rows.
    """
    sold = tables.orders.filter((_.line_kind == SALE) & _.product_id.notnull() & (_.ordered_at < as_of))
    distinct = sold.group_by(CUSTOMER_ID, PRODUCT_ID, ORDER_ID).aggregate(
        **{ORDERED_AT: sold.ordered_at.min(), QUANTITY: sold.quantity.fill_null(1.0).sum()}
    )
    bought = distinct.filter(_[QUANTITY] > 0)
    table: pd.DataFrame = bought.order_by([ORDERED_AT, CUSTOMER_ID, ORDER_ID, PRODUCT_ID]).to_pandas()
    return table[list(COLUMNS)].astype(TYPES["purchases"])


def interest(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """What customers looked at, put into the cart and took out again, known before `as_of`: customer_id, product_id, event_type, occurred_at.

    Grain: one row per event of INTEREST that names a product, in the order of time. A visitor's event counts from the moment that tells
    whose it was: that is its occurred_at here.
    """
    told = tables.events.filter(_.event_type.isin([*INTEREST, "identify"]) & (_.occurred_at < as_of))
    known = identified(told).filter(_.product_id.notnull() & _.event_type.isin(INTEREST) & (_.known_at < microseconds(as_of)))
    rows = known.select(CUSTOMER_ID, PRODUCT_ID, EVENT_TYPE, known_at=known.known_at)
    table = rows.order_by(["known_at", CUSTOMER_ID, PRODUCT_ID, EVENT_TYPE]).to_pandas()
    at = table.known_at.to_numpy("int64").astype("datetime64[us]")
    typed: pd.DataFrame = table.drop(columns="known_at").assign(**{OCCURRED_AT: at}).astype(TYPES["interest"])
    return typed


def products(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """The range as it stands, in the columns of Interactions.products, without what becomes available at or after `as_of`; by product_id."""
    listed = tables.products.filter(_.available_from.isnull() | (_.available_from < as_of))
    line = listed[LINE].cast("string") if LINE in listed.columns else ibis.null("string")
    table = listed.select(PRODUCT_ID, *RANGE, **{LINE: line}).order_by(PRODUCT_ID).to_pandas()
    texts = {name: table[name].fillna("").astype("str") for name in ("name", "category", "brand", LINE)}
    typed: pd.DataFrame = table.assign(**texts).astype(TYPES["products"])
    return typed


def places(tables: Tables) -> pd.DataFrame:
    """customer_id and place: the country of customers who have one, by customer_id."""
    rows = tables.customers.filter(_.country.notnull() & (_.country != "")).select(CUSTOMER_ID, place=_.country)
    table: pd.DataFrame = rows.order_by(CUSTOMER_ID).to_pandas().drop_duplicates(CUSTOMER_ID, ignore_index=True)
    typed: pd.DataFrame = table.astype(TYPES["places"])
    return typed
