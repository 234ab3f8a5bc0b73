"""What tells somebody's taste: what they bought, what they looked at up to a second ago, and what an app says of their session."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from decisions.offers import INTEREST, signals
from features.history import CustomerHistory
from features.instants import DAY_US, EPOCH
from training.affinity.because import LIKENESS, Recommendation, bought_together
from training.affinity.signals import Purchase, Signals

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

    def standing_in(self, *, reads_interest: bool) -> list[Purchase]:
        """Signs of interest, in what they did not buy since, that a model is asked with as purchases: what they do counts at once.

        A model that reads interest is asked so for those alone who bought nothing: what goes with purchases speaks for them, too.
        """
        if reads_interest and self.bought:
            return []
        last: dict[str, int] = {}
        for product_id, at, quantity in self.signals.purchases:
            if quantity > 0:
                last[product_id] = max(at, last.get(product_id, at))
        shown = [row for row in self.signals.interest if row[2] != _LEFT and (row[0] not in last or row[1] > last[row[0]])]
        return [(product_id, at, 1.0) for product_id, at, _ in shown]

    def because(self, found: Recommendation, name_of: Callable[[str], str], stood_in: Collection[str] = ()) -> str:
        """Why the affinity model recommends this, in its words, which here call products as shoppers do.

        Interest that `stood_in` for purchases is not called one.
        """
        own = found.because_of
        if own is None:
            unlike = found.source in LIKENESS and not self.bought
            return "bought by customers with similar interests" if unlike else found.because
        beside = bought_together(name_of(own))
        if own in stood_in or own not in self.bought:
            said = f"{_on_days('looked at', self._looked(own))}, last" if own == found.product_id else f"{beside}, looked at"
            return f"{said} on {_date(max(self._looked(own)))}"
        return found.because.replace(bought_together(own), beside, 1)

    def often(self, product_id: str) -> str:
        """How often they bought it, or looked at it: on how many days."""
        if product_id not in self.bought:
            return _on_days("looked at", self._looked(product_id))
        return _on_days("bought", {at // DAY_US for each, at, _ in self.signals.purchases if each == product_id})

    def _looked(self, product_id: str) -> set[int]:
        return {at // DAY_US for each, at, what in self.signals.interest if each == product_id and what != _LEFT}


def _on_days(did: str, days: Collection[int]) -> str:
    return f"{did} {_TIMES.get(len(days), f'{len(days)} times')}"


def _date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).date().isoformat()


def taste(history: CustomerHistory, profile: Mapping[str, Any], session: Sequence[Did] = ()) -> Taste:
    """What is known that they did, and what the app says that they did in this session."""
    known = signals(history, profile)
    bought = [(product_id, at, quantity) for product_id, at, quantity, what in session if what == PURCHASE]
    shown = [(product_id, at, what) for product_id, at, _, what in session if what != PURCHASE]
    return Taste(Signals([*known.purchases, *bought], [*known.interest, *shown], known.place))
