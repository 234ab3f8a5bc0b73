"""What a publication says about all customers together, summed up on the way through them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress
from typing import Any, Final

import numpy as np

from decisions.contact_time import timezone_of
from decisions.crowd_habits import crowd_habits
from decisions.own_habits import Habits
from features.contract import SALE
from features.crowds import Crowd, Ints, distinct
from features.history import KINDS
from features.instants import microseconds
from serving.published_contacts import published_contact

_SALE: Final = KINDS.index(SALE)


@dataclass
class ShopTotals:
    """Sums over customers as of a time: value and orders of sales, buyers by product, habits. `timezone` is the shop's."""

    as_of: datetime
    timezone: str
    customer_count: int = 0
    value: float = 0.0
    order_count: int = 0
    buyers: Counter[str] = field(default_factory=Counter)
    habits: Habits = field(default_factory=Habits)

    def add(self, crowd: Crowd, profiles: Sequence[Mapping[str, Any]], contacts: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Adds these customers, who were not added before; profiles and contacts are theirs, in their order."""
        self.customer_count += len(crowd)
        self._add_sales(crowd)
        zones = [timezone_of(profile) or self.timezone for profile in profiles]
        known = {place: [published_contact(one, self.as_of) for one in own] for place, own in enumerate(contacts) if own}
        self.habits = self.habits.plus(crowd_habits(crowd, known, self.as_of, zones, self.timezone))

    def _add_sales(self, crowd: Crowd) -> None:
        lines = crowd.lines.columns
        sold = (lines["at"] < microseconds(self.as_of)) & (lines["kind"] == _SALE)
        quantity = np.where(np.isnan(lines["quantity"]), 1.0, lines["quantity"])
        self.value += float(np.sum((quantity * np.nan_to_num(lines["unit_price"]) - np.nan_to_num(lines["discount"]))[sold]))
        owners = crowd.lines.owners()[sold]
        self.order_count += _distinct_orders(owners, lines["order"][sold])
        products = crowd.names["products"]
        bought = np.zeros(len(products.names) + 1, bool)
        bought[products.places(owners, lines["product"][sold])] = True  # the last place is of lines without a product
        self.buyers.update(compress(products.names, bought.tolist()))


def _distinct_orders(owners: Ints, orders: Ints) -> int:
    """Orders of these lines; those of one customer that name none are one."""
    width = int(orders.max(initial=-1)) + 2
    return len(distinct(owners * width + orders + 1))
