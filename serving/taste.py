"""What tells somebody's taste: what they bought, what an app says of their session, or else what they looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from decisions.offers import purchases
from features.history import CustomerHistory
from features.instants import DAY_US, EPOCH
from training.affinity.because import Recommendation, bought_together
from training.affinity.recall import MATRIX_FACTORISATION, PERSONAL_FREQUENCY, PRODUCT_SIMILARITY

Signal = tuple[str, int, float]
"""product_id, instant in microseconds, quantity: the form of `decisions.offers.purchases`."""

_INTEREST: Final = ("product_view", "add_to_cart")
_TIMES: Final = {1: "once", 2: "twice"}


@dataclass(frozen=True)
class Taste:
    """Signals for the affinity model. `bought` are the products among them that were bought; the others were looked at, for all we know."""

    signals: Sequence[Signal]
    bought: frozenset[str]

    def because(self, found: Recommendation, name: str) -> str:
        """Why the affinity model recommends this, in words; `name` is what shoppers call the product of theirs that led to it."""
        if found.source == PERSONAL_FREQUENCY:
            return f"{self.often(found.product_id)}, last on {self._last(found.product_id)}"
        if found.because_of is not None:
            return f"{bought_together(name)}, {self._did(found.because_of)} on {self._last(found.because_of)}"
        if found.source in (MATRIX_FACTORISATION, PRODUCT_SIMILARITY) and not self.bought:
            return "bought by customers with similar interests"
        return found.because

    def often(self, product_id: str) -> str:
        """How often they bought it, or looked at it: on how many days."""
        count = len(set(self._days(product_id)))
        return f"{self._did(product_id)} {_TIMES.get(count, f'{count} times')}"

    def _did(self, product_id: str) -> str:
        return "bought" if product_id in self.bought else "looked at"

    def _last(self, product_id: str) -> str:
        return (EPOCH + timedelta(days=max(self._days(product_id)))).date().isoformat()

    def _days(self, product_id: str) -> list[int]:
        return [at // DAY_US for own, at, quantity in self.signals if own == product_id and quantity > 0]


def taste(history: CustomerHistory, session: Sequence[Signal] = ()) -> Taste:
    """What they bought, and what the app says that they bought or looked at in this session; or else what they looked at before."""
    bought = purchases(history)
    return Taste([*bought, *session] or _looked_at(history), frozenset(product_id for product_id, _, _ in bought))


def _looked_at(history: CustomerHistory) -> list[Signal]:
    events = history.events
    interest = [code for code, name in enumerate(history.event_types) if name in _INTEREST]
    seen = np.flatnonzero(np.isin(events["type"], interest) & (events["product"] >= 0))
    return [
        (history.product_ids[code], at, 1.0) for code, at in zip(events["product"][seen].tolist(), events["at"][seen].tolist(), strict=True)
    ]
