"""The shop's range: what features know of a product."""

import math

import ibis

from features.contract import PRODUCT_ID
from features.engine import Tables


def product_facts(products: ibis.Table) -> ibis.Table:
    """product_id, category (the widest part of its path), price_level, of the products table; both may be missing.

    price_level is the product's place among the list prices of its category, from 0 (cheapest) to 1; missing without a list price, or
    in a category with one price. The range is taken as it stands today: it has no history.
    """
    facts = products.select(PRODUCT_ID, "list_price", category=products.category.split(">")[0].strip().nullif(""))
    place = ibis.percent_rank().over(ibis.window(group_by="category", order_by="list_price"))
    priced = facts.filter(facts.list_price.notnull()).mutate(place=place)
    several = priced.list_price.count().over(ibis.window(group_by="category")) > 1
    levels = priced.select(PRODUCT_ID, price_level=several.ifelse(priced.place, ibis.null("float64")))
    return facts.left_join(levels, PRODUCT_ID).select(PRODUCT_ID, "category", "price_level")


def known_products(tables: Tables) -> dict[str, tuple[str | None, float]]:
    """(category, price_level) by product_id, as `product_facts` has them: what features of one customer need; price_level NaN where missing."""
    rows = product_facts(tables.products).to_pyarrow().to_pylist()
    return {row[PRODUCT_ID]: (row["category"], math.nan if row["price_level"] is None else row["price_level"]) for row in rows}
