"""One customer or visitor as of now: what was published, extended by every row posted since."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from features.history import CustomerHistory
from features.journey import Stages, stage_of
from features.online import features
from serving.shop import Shop, Shops
from serving.state import customers, events


@dataclass(frozen=True)
class Current:
    """Somebody as of `now`. `stored` is None for visitors and for customers of whom only rows were posted.

    `subject_ids` are the ids under which contacts with them are recorded: their own, and those of the visitors whom they turned out to be.
    """

    customer_id: str
    now: datetime
    known: bool
    stored: customers.StoredCustomer | None
    history: CustomerHistory
    features: Mapping[str, float]
    stage: str
    shop: Shop
    subject_ids: tuple[str, ...]

    @property
    def profile(self) -> Mapping[str, Any]:
        """Their profile; empty where none is known."""
        return self.stored.profile if self.stored else {}

    @property
    def consent(self) -> Mapping[str, bool]:
        """Their consent per channel; empty where none is known."""
        return self.stored.consent if self.stored else {}

    @property
    def expected_order_value(self) -> float:
        """What their next order is worth: their own mean, or the shop's."""
        own = self.features["value_per_order_mean"]
        return own if math.isfinite(own) else self.shop.mean_order_value


@dataclass(frozen=True)
class Reader:
    """Reads customers with one shop's stages."""

    shops: Shops
    stages: Stages

    def customer(self, connection: Connection, customer_id: str, now: datetime) -> Current:
        """The customer, known or not: somebody never seen has an empty history."""
        stored = customers.read(connection, customer_id)
        shop = self.shops.current(connection, at_least=stored.generation if stored else 0)
        lines = events.order_lines_of_customer(connection, customer_id, now)
        visitors = events.visitors_of_customer(connection, customer_id, now)
        touches = events.events_of_customer(connection, customer_id, now, visitors)
        published = CustomerHistory.from_bytes(stored.history) if stored and stored.history else CustomerHistory.empty()
        known = stored is not None or bool(lines) or bool(touches)
        current = self._current(customer_id, published.extended(lines, touches), now, shop=shop, stored=stored, known=known)
        return replace(current, subject_ids=(customer_id, *sorted(visitors)))

    def visitor(self, connection: Connection, visitor_id: str, now: datetime) -> Current:
        """The visitor; from the moment they are identified, the customer they are."""
        customer_id = events.customer_of_visitor(connection, visitor_id, now)
        if customer_id is not None:
            return self.customer(connection, customer_id, now)
        touches = events.events_of_visitor(connection, visitor_id, now)
        shop = self.shops.current(connection)
        history = CustomerHistory.of([], touches)
        return self._current(visitor_id, history, now, shop=shop, stored=None, known=bool(touches))

    def _current(
        self, who: str, history: CustomerHistory, now: datetime, *, shop: Shop, stored: customers.StoredCustomer | None, known: bool
    ) -> Current:
        seen = history.before(now)
        values = features(seen, now)
        return Current(who, now, known, stored, seen, values, stage_of(values, shop.levels, self.stages), shop, (who,))
