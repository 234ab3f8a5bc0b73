"""A generated shop of so many products, with histories as long as real ones, for the time that one customer's list takes."""

from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
FIRST_DAY: Final = datetime(2024, 1, 1)
DAYS: Final = 365
AGAIN_SHARE: Final = 0.4
"""Of the lines, those that buy one of the customer's own favourites."""
FAVOURITES: Final = 8


def order_lines(customers: int, products: int, rng: np.random.Generator) -> pd.DataFrame:
    """customer_id, order_id, product_id, ordered_at, quantity, unit_price.

    Orders of a customer: log-normal, 7 in the median, at most 200, each of 3.4 lines on average. Half of the products that are no favourites are drawn
    by popularity (the rank log-uniform), half evenly, so that most of the range is bought at least once.
    """
    orders = np.clip(np.exp(rng.normal(np.log(7.0), 1.1, customers)), 1, 200).astype(np.int64)
    customer_of_order = np.repeat(np.arange(customers), orders)
    second = rng.integers(0, DAYS * 86_400, len(customer_of_order))
    line_count = 1 + rng.exponential(2.9, len(customer_of_order)).astype(np.int64)
    order = np.repeat(np.arange(len(customer_of_order)), line_count)
    customer = customer_of_order[order]
    favourites = _drawn(customers * FAVOURITES, products, rng).reshape(customers, FAVOURITES)
    own = favourites[customer, rng.integers(0, FAVOURITES, len(order))]
    product = np.where(rng.random(len(order)) < AGAIN_SHARE, own, _drawn(len(order), products, rng))
    return pd.DataFrame(
        {
            "customer_id": [f"C{c:06d}" for c in customer.tolist()],
            "order_id": [f"O{o:08d}" for o in order.tolist()],
            "product_id": [f"P{p:06d}" for p in product.tolist()],
            "ordered_at": pd.Timestamp(FIRST_DAY) + pd.to_timedelta(second[order], unit="s"),
            "quantity": rng.integers(1, 4, len(order)).astype(float),
            "unit_price": 5.0 + product % 95,
        }
    )


def _drawn(count: int, products: int, rng: np.random.Generator) -> Ints:
    popular = np.minimum(np.exp(rng.random(count) * np.log(products)), products - 1.0).astype(np.int64)
    return np.where(rng.random(count) < 0.5, popular, rng.integers(0, products, count))
