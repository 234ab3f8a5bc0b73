"""What is known of everybody as arrays: who bought and looked at which product when, with ids as codes.

Affinity counts purchase days, not orders: a shop that splits an order into three parcels has still sold once. Days are whole days
from 1970-01-01, so that one customer's answer equals the same customer's in bulk.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID, EVENT_TYPE, OCCURRED_AT, ORDERED_AT, PRODUCT_ID
from features.errors import InputError
from features.instants import DAY_US, microseconds
from features.interaction_tables import CARTED, PLACE, REMOVED, Interactions
from training.affinity.catalogue import UNKNOWN, Catalogue, catalogue_of

Ints = NDArray[np.int64]
USUAL_GAP_DAYS: Final = 30.0
KINDS_OF_INTEREST: Final = (0, 1, 2)
LOOKED, CART, TAKEN_OUT = KINDS_OF_INTEREST


@dataclass(frozen=True)
class Rows:
    """What customers did to products, oldest first: codes, and the instant in microseconds; `kind` of interest, 0 for every purchase."""

    customer: Ints
    product: Ints
    at: Ints
    kind: Ints

    def between(self, start: int, end: int) -> Self:
        """The rows in [start, end)."""
        low, high = np.searchsorted(self.at, [start, end])
        return self.take(slice(int(low), int(high)))

    def take(self, which: slice | NDArray[np.bool_] | Ints) -> Self:
        """These rows."""
        return replace(self, customer=self.customer[which], product=self.product[which], at=self.at[which], kind=self.kind[which])


@dataclass(frozen=True)
class History:
    """What is known of customers and products: `bought` and `seen` by codes into the sorted ids; the place of each customer, and the range.

    `place` holds codes into `place_names`, UNKNOWN where a customer has none.
    """

    customer_ids: NDArray[np.str_]
    product_ids: NDArray[np.str_]
    bought: Rows
    seen: Rows
    place: Ints
    place_names: tuple[str, ...]
    catalogue: Catalogue

    def before(self, instant: datetime) -> Self:
        """What was known before `instant`; codes keep their meaning."""
        now, first = microseconds(instant), np.iinfo(np.int64).min
        return replace(self, bought=self.bought.between(first, now), seen=self.seen.between(first, now))

    def within(self, start: datetime, end: datetime) -> Rows:
        """The purchases in [start, end)."""
        return self.bought.between(microseconds(start), microseconds(end))

    @property
    def buyers(self) -> Ints:
        """The codes of the customers who bought anything, ascending."""
        return np.unique(self.bought.customer)


def encode(known: Interactions) -> History:
    """The tables as arrays; InputError where there is no purchase to learn from."""
    if known.purchases.empty:
        raise InputError(
            "Affinity needs product_id in orders, and no sale before this time has one.",
            remedy="Map the column that names the product (orders: {columns: {product_id: ...}}) and ingest again; "
            "churn and value work without products.",
        )
    return encode_any(known)


def encode_any(known: Interactions) -> History:
    """The tables as arrays, however little they hold."""
    customer_ids = _ids(known.purchases[CUSTOMER_ID], known.interest[CUSTOMER_ID])
    product_ids = _ids(known.purchases[PRODUCT_ID], known.interest[PRODUCT_ID], known.products[PRODUCT_ID])
    kinds = np.select([known.interest[EVENT_TYPE].isin(CARTED), known.interest[EVENT_TYPE].isin(REMOVED)], [CART, TAKEN_OUT], LOOKED)
    nothing = np.zeros(len(known.purchases), np.int64)
    place, names = _places(known.places, customer_ids)
    return History(
        customer_ids,
        product_ids,
        _rows(known.purchases, ORDERED_AT, nothing, customer_ids, product_ids),
        _rows(known.interest, OCCURRED_AT, kinds.astype(np.int64), customer_ids, product_ids),
        place,
        names,
        catalogue_of(known.products, product_ids.tolist()),
    )


def _ids(*columns: "pd.Series[str]") -> NDArray[np.str_]:
    return np.unique(np.concatenate([np.asarray(column.unique(), dtype=str) for column in columns]))


def _rows(table: pd.DataFrame, instant: str, kind: Ints, customer_ids: NDArray[np.str_], product_ids: NDArray[np.str_]) -> Rows:
    customer, product = (_positions(table[name], ids) for name, ids in ((CUSTOMER_ID, customer_ids), (PRODUCT_ID, product_ids)))
    at = table[instant].to_numpy("datetime64[us]").astype(np.int64)
    order = np.lexsort((kind, product, customer, at))
    return Rows(customer[order], product[order], at[order], kind[order])


def _positions(texts: "pd.Series[str]", ids: NDArray[np.str_]) -> Ints:
    return np.asarray(pd.Index(ids).get_indexer(pd.Index(texts)), np.int64)


def _places(places: pd.DataFrame, customer_ids: NDArray[np.str_]) -> tuple[Ints, tuple[str, ...]]:
    codes, names = pd.factorize(places[PLACE], sort=True)
    of_customer = np.full(len(customer_ids), UNKNOWN, np.int64)
    row = pd.Index(customer_ids).get_indexer(pd.Index(places[CUSTOMER_ID]))
    of_customer[row[row != UNKNOWN]] = codes[row != UNKNOWN]
    return of_customer, tuple(str(name) for name in names)


def purchase_gaps(customer: Ints, day: Ints) -> Ints:
    """Days between a customer's purchase days, of everybody together; in any order."""
    order = np.lexsort((day, customer))
    customer, day = customer[order], day[order]
    gaps = np.diff(day)
    return np.asarray(gaps[(np.diff(customer) == 0) & (gaps > 0)], np.int64)


def median_gap_days(bought: Rows) -> float:
    """The median number of days between a customer's purchase days, at least 1; 30 where nobody came back."""
    gaps = purchase_gaps(bought.customer, bought.at // DAY_US)
    return max(1.0, float(np.median(gaps))) if len(gaps) else USUAL_GAP_DAYS
