"""A purchase history in numbers, as the peers read it: who had what in which basket, counted from the newest one and in days."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Baskets:
    """One entry per product in a basket: the row of its customer, the column of its product, and when.

    `place` is 0 in the customer's newest basket, 1 in the one before; `basket_count` the number of their baskets; `age_days` is counted
    from the newest line of the history. `customer_ids` and `product_ids` name rows and columns, in order.
    """

    customer_ids: NDArray[np.str_]
    product_ids: NDArray[np.str_]
    customer: Ints
    product: Ints
    place: Ints
    basket_count: Ints
    age_days: Floats

    def table(self, weight: Floats) -> csr_matrix:
        """(customers, products): the sum of the entries' weights; what weighs nothing is left out."""
        shape = (len(self.customer_ids), len(self.product_ids))
        table = csr_matrix((weight, (self.customer, self.product)), shape=shape)
        table.eliminate_zeros()
        return table

    def bought(self) -> csr_matrix:
        """(customers, products): 1 where the customer ever bought the product."""
        table = self.table(np.ones(len(self.product)))
        table.data[:] = 1.0
        return table

    def popularity(self, half_life_days: float) -> Floats:
        """Per product: the baskets that held it, each worth half as much `half_life_days` later; of the most popular one 1."""
        counts = np.bincount(self.product, 0.5 ** (self.age_days / half_life_days), len(self.product_ids))
        share: Floats = counts / counts.max()
        return share


def encode(lines: pd.DataFrame) -> Baskets:
    """The baskets of order lines: customer_id, order_id, product_id, ordered_at. Baskets of one instant are in the order of their ids."""
    started = lines.groupby(["customer_id", "order_id"])["ordered_at"].transform("min")
    entries = (
        lines[["customer_id", "order_id", "product_id"]].assign(started=started).drop_duplicates(["customer_id", "order_id", "product_id"])
    )
    baskets = (
        entries[["customer_id", "started", "order_id"]]
        .drop_duplicates(["customer_id", "order_id"])
        .sort_values(["customer_id", "started", "order_id"])
    )
    of_customer = baskets.groupby("customer_id")["order_id"]
    baskets = baskets.assign(place=of_customer.cumcount(ascending=False), count=of_customer.transform("size"))
    entries = entries.merge(baskets[["customer_id", "order_id", "place", "count"]], on=["customer_id", "order_id"])
    customer_ids, customer = np.unique(entries["customer_id"].to_numpy(str), return_inverse=True)
    product_ids, product = np.unique(entries["product_id"].to_numpy(str), return_inverse=True)
    age = (lines["ordered_at"].max() - entries["started"]).dt.total_seconds().to_numpy(float) / 86_400.0
    place, count = entries["place"].to_numpy(np.int64), entries["count"].to_numpy(np.int64)
    return Baskets(customer_ids, product_ids, customer.astype(np.int64), product.astype(np.int64), place, count, age)
