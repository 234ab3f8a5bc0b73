"""What a backtest asks: at a cut, which products will these customers buy in the horizon after it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID, PRODUCT_ID
from features.instants import DAY_US, microseconds
from training.affinity.history import History, Ints


@dataclass(frozen=True)
class Exam:
    """Customers (codes, ascending, every one wants something) and the distinct products they bought after the cut: row and product code."""

    cut: datetime
    customers: Ints
    row: Ints
    product: Ints

    @property
    def day(self) -> int:
        """The cut as a day."""
        return microseconds(self.cut) // DAY_US

    @property
    def wanted_counts(self) -> Ints:
        """How many products each customer wanted."""
        return np.bincount(self.row, minlength=len(self.customers)).astype(np.int64)

    def wanted(self, history: History) -> pd.DataFrame:
        """customer_id, product_id of what was bought after the cut."""
        ids = {CUSTOMER_ID: history.customer_ids[self.customers[self.row]], PRODUCT_ID: history.product_ids[self.product]}
        return pd.DataFrame(ids).astype("str")

    def keep(self, pairs: NDArray[np.bool_]) -> "Exam":
        """These pairs alone, and the customers who still want something."""
        rows, row = np.unique(self.row[pairs], return_inverse=True)
        return Exam(self.cut, self.customers[rows], row.astype(np.int64), self.product[pairs])

    def of_rows(self, rows: Ints) -> "Exam":
        """These rows' customers alone."""
        return self.keep(np.isin(self.row, rows))

    def sample(self, most: int, rng: np.random.Generator) -> "Exam":
        """At most this many customers, drawn at random."""
        if len(self.customers) <= most:
            return self
        return self.of_rows(rng.choice(len(self.customers), most, replace=False).astype(np.int64))

    def halves(self) -> tuple[Sequence["Exam"], "Exam"]:
        """Every other customer to choose with, the others to measure with."""
        rows = np.arange(len(self.customers))
        return [self.of_rows(rows[::2])], self.of_rows(rows[1::2])

    def within_range(self, known: NDArray[np.bool_]) -> "Exam":
        """Without the products that nobody could have recommended: `known` by product code."""
        return self.keep(known[self.product])

    def never_bought(self, before: History) -> "Exam":
        """Without what a customer had bought before the cut."""
        every = len(before.product_ids)
        bought = np.unique(before.bought.customer * every + before.bought.product)
        return self.keep(~np.isin(self.customers[self.row] * every + self.product, bought))


def exam_at(history: History, cut: datetime, horizon_days: int) -> Exam:
    """Customers with purchases before the cut, and what they bought in [cut, cut + horizon)."""
    later = history.within(cut, cut + timedelta(days=horizon_days))
    every = len(history.product_ids)
    pairs = np.unique(later.customer * every + later.product)
    customer, product = pairs // every, pairs % every
    known = np.isin(customer, np.unique(history.before(cut).bought.customer))
    customers, row = np.unique(customer[known], return_inverse=True)
    return Exam(cut, customers, row.astype(np.int64), product[known])
