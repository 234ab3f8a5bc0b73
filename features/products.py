"""The shop's range: which products may be shown."""

from datetime import datetime

from ibis import _

from features.contract import PRODUCT_ID
from features.engine import Tables


def unavailable(tables: Tables, as_of: datetime) -> set[str]:
    """Products that the products table says are not available, or only from a time after `as_of`. What it does not list may be shown."""
    gone = tables.products.filter((_.available == False) | (_.available_from > as_of))  # noqa: E712 - a column, not a truth value
    return set(gone.select(PRODUCT_ID).to_pandas()[PRODUCT_ID])
