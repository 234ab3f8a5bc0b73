"""Purchases as arrays: who bought which product on which day, with ids as codes.

Affinity counts purchase days, not orders: a shop that splits an order into three parcels has still sold once. Days are whole days
from 1970-01-01, so that one customer's answer equals the same customer's in bulk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID, ORDERED_AT, PRODUCT_ID
from features.errors import InputError
from features.instants import DAY_US, microseconds

Ints = NDArray[np.int64]
UNKNOWN: Final = -1
USUAL_GAP_DAYS: Final = 30.0


@dataclass(frozen=True)
class PurchaseDays:
    """Distinct (customer, product, day), sorted; customers are rows 0 to customers - 1, products columns, UNKNOWN outside the range."""

    customer: Ints
    product: Ints
    day: Ints
    customers: int
    products: int

    def bought(self) -> NDArray[np.bool_]:
        """Who ever bought what: (customers, products)."""
        known = self.product != UNKNOWN
        table = np.zeros((self.customers, self.products), bool)
        table[self.customer[known], self.product[known]] = True
        return table

    def rows(self, start: int, stop: int) -> "PurchaseDays":
        """The customers [start, stop), as rows from 0."""
        low, high = np.searchsorted(self.customer, [start, stop])
        return PurchaseDays(self.customer[low:high] - start, self.product[low:high], self.day[low:high], stop - start, self.products)


@dataclass(frozen=True)
class History:
    """Every purchase, oldest first: codes into the sorted ids, the instant in microseconds."""

    customer_ids: NDArray[np.str_]
    product_ids: NDArray[np.str_]
    customer: Ints
    product: Ints
    at: Ints

    def before(self, instant: datetime) -> "History":
        """The purchases before `instant`; codes keep their meaning."""
        return self._slice(0, int(np.searchsorted(self.at, microseconds(instant))))

    def within(self, start: datetime, end: datetime) -> "History":
        """The purchases in [start, end)."""
        low, high = np.searchsorted(self.at, [microseconds(start), microseconds(end)])
        return self._slice(int(low), int(high))

    def _slice(self, low: int, high: int) -> "History":
        return History(self.customer_ids, self.product_ids, self.customer[low:high], self.product[low:high], self.at[low:high])


def encode(purchases: pd.DataFrame) -> History:
    """The purchases table (features.interactions.purchases) as arrays; InputError where there is nothing to learn from."""
    if purchases.empty:
        raise InputError(
            "Affinity needs product_id in orders, and no sale before this time has one.",
            remedy="Map the column that names the product (orders: {columns: {product_id: ...}}) and ingest again; "
            "churn and value work without products.",
        )
    ordered = purchases.sort_values([ORDERED_AT, CUSTOMER_ID, PRODUCT_ID], kind="stable")
    customer, customer_ids = pd.factorize(ordered[CUSTOMER_ID], sort=True)
    product, product_ids = pd.factorize(ordered[PRODUCT_ID], sort=True)
    at = ordered[ORDERED_AT].to_numpy("datetime64[us]").astype(np.int64)
    texts = (np.asarray(customer_ids, dtype=str), np.asarray(product_ids, dtype=str))
    return History(*texts, customer.astype(np.int64), product.astype(np.int64), at)


def purchase_days(customer: Ints, product: Ints, at: Ints, *, customers: int, products: int) -> PurchaseDays:
    """Distinct purchase days from rows of codes and instants, in any order."""
    day = at // DAY_US
    order = np.lexsort((day, product, customer))
    customer, product, day = customer[order], product[order], day[order]
    new = np.ones(len(day), bool)
    new[1:] = (np.diff(customer) != 0) | (np.diff(product) != 0) | (np.diff(day) != 0)
    return PurchaseDays(customer[new], product[new], day[new], customers, products)


def customer_days(days: PurchaseDays) -> tuple[Ints, Ints]:
    """The distinct (customer, day) on which anything was bought, sorted."""
    order = np.lexsort((days.day, days.customer))
    customer, day = days.customer[order], days.day[order]
    new = np.ones(len(day), bool)
    new[1:] = (np.diff(customer) != 0) | (np.diff(day) != 0)
    return customer[new], day[new]


def median_gap_days(history: History) -> float:
    """The median number of days between a customer's purchase days, at least 1; 30 where nobody came back."""
    days = purchase_days(history.customer, np.zeros_like(history.product), history.at, customers=len(history.customer_ids), products=1)
    gaps = np.diff(days.day)[np.diff(days.customer) == 0]
    return max(1.0, float(np.median(gaps))) if len(gaps) else USUAL_GAP_DAYS


def own_purchases(purchases: Sequence[tuple[str, int, float]], as_of: datetime) -> list[tuple[str, int]]:
    """product_id and instant of one customer's purchases before `as_of`; pieces that came back (quantity below zero) are none."""
    now = microseconds(as_of)
    return [(product_id, at) for product_id, at, quantity in purchases if at < now and not quantity <= 0]
