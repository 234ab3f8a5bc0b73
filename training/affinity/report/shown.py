"""What a way shows to the customers of an exam: the first ten of each, in order."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.affinity.history import Ints
from training.affinity.orders import Order
from training.affinity.sheets import AT, Sheet


@dataclass(frozen=True)
class Shown:
    """One row per product shown, by customer and rank: `row` of the exam's customer, `column` of the range, `rank` from 0.

    `had`: bought by them before; `hit`: bought by them after. `source` is the one that ranks the product highest, by its place among the sheet's.
    """

    row: Ints
    column: Ints
    rank: Ints
    had: NDArray[np.bool_]
    hit: NDArray[np.bool_]
    source: Ints
    score: NDArray[np.float64]

    def of(self, row: int) -> Self:
        """One customer's list."""
        mine = self.row == row
        return type(self)(*(values[mine] for values in vars(self).values()))


def shown(sheet: Sheet, order: Order, k: int = AT) -> Shown:
    """The first `k` candidates of every customer by this order. Shorter where there are fewer candidates: nothing is filled in."""
    scores = order.of(sheet)
    chosen, rank = sheet.first(scores, k)
    had = np.nan_to_num(sheet.feature("times_bought")[chosen]) > 0
    source = sheet.ranks[chosen].argmax(axis=1)
    return Shown(sheet.row[chosen], sheet.column[chosen], rank, had, sheet.hit[chosen], source, scores[chosen])
