"""What tells somebody's taste: what they bought, what they looked at up to a second ago, and what an app says of their session."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from decisions.offers import INTEREST, signals
from features.history import CustomerHistory
from features.instants import DAY_US, EPOCH
from training.affinity.because import LIKENESS, Recommendation, bought_together
from training.affinity.signals import Interest, Purchase, Signals

LOOKED_AT: Final = "product_view"
PURCHASE: Final = "purchase"
SESSION: Final = (PURCHASE, *INTEREST)
"""What an app may say that somebody did in this session."""

Did = tuple[str, int, float, str]
"""product_id, instant in microseconds, pieces, and one of SESSION: something that an app says somebody did."""

_LEFT: Final = "remove_from_cart"
_TIMES: Final = {1: "once", 2: "twice"}


@dataclass(frozen=True)
class Taste:
    """Signals for the affinity model, and the words about them."""

    signals: Signals

    @property
    def product_ids(self) -> set[str]:
        """Every product that they bought or showed interest in."""
        return self.bought | {product_id for product_id, _, _ in self.signals.interest}

    @cached_property
    def bought(self) -> set[str]:
        """Every product that they bought."""
        return {product_id for product_id, _, quantity in self.signals.purchases if quantity > 0}

    def because(self, found: Recommendation, name_of: Callable[[str], str]) -> str:
        """Why the affinity model recommends this, in its words, which here call products as shoppers do.

        What was only looked at, the model was asked with as if it were bought: that is not said.
        """
        own = found.because_of
        if own is None:
            unlike = found.source in LIKENESS and not self.bought
            return "bought by customers with similar interests" if unlike else found.because
        beside = bought_together(name_of(own))
        if own not in self.bought:
            said = f"{self.often(own)}, last" if own == found.product_id else f"{beside}, looked at"
            return f"{said} on {self._last(own)}"
        return found.because.replace(bought_together(own), beside, 1)

    def often(self, product_id: str) -> str:
        """How often they bought it, or looked at it: on how many days."""
        count = len(set(self._days(product_id)))
        return f"{self._did(product_id)} {_TIMES.get(count, f'{count} times')}"

    def _did(self, product_id: str) -> str:
        return "bought" if product_id in self.bought else "looked at"

    def _last(self, product_id: str) -> str:
        return (EPOCH + timedelta(days=max(self._days(product_id)))).date().isoformat()

    def _days(self, product_id: str) -> list[int]:
        rows: Sequence[Purchase | Interest] = self.signals.purchases if product_id in self.bought else self.signals.interest
        return [row[1] // DAY_US for row in rows if row[0] == product_id and row[2] != _LEFT]


def taste(history: CustomerHistory, profile: Mapping[str, Any], session: Sequence[Did] = ()) -> Taste:
    """What is known that they did, and what the app says that they did in this session."""
    known = signals(history, profile)
    bought = [(product_id, at, quantity) for product_id, at, quantity, what in session if what == PURCHASE]
    shown = [(product_id, at, what) for product_id, at, _, what in session if what != PURCHASE]
    return Taste(Signals([*known.purchases, *bought], [*known.interest, *shown], known.place))
