"""Who was in which state at which cut-off, and what they brought until the next one: what the chain is estimated from."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

ABSENT: Final = -1

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """`states` (customers x cut-offs): places in STATES, ABSENT before somebody is known; `order_counts` and `silences` alike.

    `silences` are places among SILENCES, by the steps since the last order; `spent` (customers x steps) is money. `unsubscribed_in`: the step in
    which a customer first unsubscribed; -1 before the first cut-off, the number of steps for never. `spent_a_year`: mean money of the last year of
    those who bought; None where it is not known.
    """

    states: Codes
    order_counts: Floats
    silences: Codes
    spent: Floats
    unsubscribed_in: NDArray[np.int64]
    cutoffs: tuple[datetime, ...]
    months_per_step: float
    spent_a_year: float | None = None

    @property
    def step_count(self) -> int:
        """Steps between the cut-offs."""
        return int(self.spent.shape[1])

    @property
    def customer_count(self) -> int:
        """Customers seen at the beginning of at least one step."""
        return int(np.count_nonzero((self.states[:, :-1] != ABSENT).any(axis=1)))

    @property
    def learned_from(self) -> int:
        """The first step to learn from: half of the history only tells who ordered before, since at its beginning everyone looks new."""
        return self.step_count // 2

    def before(self, cut: int) -> "Panel":
        """What was known at one of its cut-offs, by number: nothing later is in it."""
        unsubscribed = np.minimum(self.unsubscribed_in, cut)
        seen = (self.states[:, : cut + 1] != ABSENT).any(axis=1)
        return replace(
            self,
            states=self.states[seen, : cut + 1],
            order_counts=self.order_counts[seen, : cut + 1],
            silences=self.silences[seen, : cut + 1],
            spent=self.spent[seen, :cut],
            unsubscribed_in=unsubscribed[seen],
            cutoffs=self.cutoffs[: cut + 1],
            spent_a_year=None,
        )
