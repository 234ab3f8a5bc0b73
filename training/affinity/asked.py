"""Those who are asked about: their own rows over one range of products, and what sources and features read off them.

Many customers and one alone are the same to all that follows: what is computed here is the one definition for both.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from features.instants import DAY_US
from training.affinity.catalogue import UNKNOWN
from training.affinity.history import KINDS_OF_INTEREST, LOOKED, Ints

Floats = NDArray[np.float64]
_NEVER: Final = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Bought:
    """Distinct (customer, product, day), sorted; customers are rows from 0, products columns, UNKNOWN outside the range."""

    customer: Ints
    product: Ints
    day: Ints


@dataclass(frozen=True)
class Seen:
    """Rows of interest, by customer: customer (row), product (column of the range), instant in microseconds, kind."""

    customer: Ints
    product: Ints
    at: Ints
    kind: Ints


@dataclass(frozen=True)
class Baskets:
    """What a customer bought on one day is a basket: (customer, day), sorted; `back` is 0 for a customer's newest one, 1 before it, ...

    Per customer: `number` of baskets, the `first` and `last` day (the day of asking where there is none).
    """

    customer: Ints
    day: Ints
    back: Ints
    number: Ints
    first: Ints
    last: Ints


@dataclass(frozen=True)
class Pairs:
    """Each product that a customer bought, once, sorted by `key` = row x products + column.

    `count` of days, the `first` and `last` of them, and `back`: how many baskets ago the last one was. `start` is where its days begin.
    """

    key: Ints
    row: Ints
    column: Ints
    count: Ints
    first: Ints
    last: Ints
    back: Ints
    start: Ints


@dataclass(frozen=True)
class Asked:
    """`customers` rows asked about on `day`, over `products` columns; `place` is each one's code, UNKNOWN where there is none."""

    day: int
    customers: int
    products: int
    bought: Bought
    seen: Seen
    place: Ints

    def rows(self, start: int, stop: int) -> Self:
        """The customers [start, stop), as rows from 0."""
        b, s = self.bought, self.seen
        low, high = np.searchsorted(b.customer, [start, stop])
        mine = slice(*np.searchsorted(s.customer, [start, stop]).tolist())
        return type(self)(
            self.day,
            stop - start,
            self.products,
            Bought(b.customer[low:high] - start, b.product[low:high], b.day[low:high]),
            Seen(s.customer[mine] - start, s.product[mine], s.at[mine], s.kind[mine]),
            self.place[start:stop],
        )

    @cached_property
    def _basket_of_row(self) -> tuple[Ints, Ints]:
        """The distinct customer-days as keys, and which one each row of `bought` belongs to."""
        days = self.bought.day - self._first_day
        keys, of = np.unique(self.bought.customer * (self.day - self._first_day + 2) + days, return_inverse=True)
        return keys, of

    @cached_property
    def _first_day(self) -> int:
        return int(self.bought.day.min(initial=self.day))

    @cached_property
    def baskets(self) -> Baskets:
        """Every customer's baskets; products outside the range count."""
        customer, day = np.divmod(self._basket_of_row[0], self.day - self._first_day + 2)
        number = np.bincount(customer, minlength=self.customers)
        end = np.cumsum(number)
        begin = end - number
        some = number > 0
        first, last = np.full(self.customers, self.day), np.full(self.customers, self.day)
        first[some], last[some] = day[begin[some]] + self._first_day, day[end[some] - 1] + self._first_day
        return Baskets(customer, day + self._first_day, end[customer] - 1 - np.arange(len(customer)), number, first, last)

    @cached_property
    def _in_range(self) -> Ints:
        return np.flatnonzero(self.bought.product != UNKNOWN)

    @cached_property
    def basket_products(self) -> tuple[Ints, Ints]:
        """Which basket (of `baskets`) holds which product of the range: one row for each."""
        return self._basket_of_row[1][self._in_range], self.bought.product[self._in_range]

    @cached_property
    def row_back(self) -> Ints:
        """How many baskets ago each row of `bought` within the range was."""
        return self.baskets.back[self.basket_products[0]]

    @cached_property
    def pairs(self) -> Pairs:
        """What each customer bought of the range."""
        b, which = self.bought, self._in_range
        key, day = b.customer[which] * self.products + b.product[which], b.day[which]
        new = np.ones(len(key), bool)
        np.not_equal(key[1:], key[:-1], out=new[1:])
        start = np.flatnonzero(new)
        end = np.append(start[1:], len(key))[: len(start)]
        first = which[start]
        return Pairs(key[start], b.customer[first], b.product[first], end - start, day[start], day[end - 1], self.row_back[end - 1], start)

    def shares(self, day_half_life: float | None = None, *, per_basket: float = 1.0) -> Floats:
        """Per pair: the share of the customer's baskets that hold the product, older ones counting less; 0 to 1.

        A basket counts 2 ** -(days before the customer's newest one / half-life) x per_basket ** (baskets after it), so that the moment of
        asking changes nothing. Products outside the range add to a customer's baskets and have no pair.
        """
        key = (day_half_life, per_basket)
        if key not in self._shares:
            self._shares[key] = self._share(day_half_life, per_basket)
        return self._shares[key]

    @cached_property
    def _shares(self) -> dict[tuple[float | None, float], Floats]:
        return {}

    def _share(self, day_half_life: float | None, per_basket: float) -> Floats:
        b = self.baskets
        weight = np.asarray(per_basket**b.back, float)
        if day_half_life is not None:
            weight = weight * np.exp2((b.day - b.last[b.customer]) / day_half_life)
        total = np.bincount(b.customer, weight, self.customers)
        if not len(self.pairs.start):
            return np.zeros(0)
        of_row = weight[self.basket_products[0]]
        return np.asarray(np.add.reduceat(of_row, self.pairs.start) / total[self.pairs.row], float)

    @cached_property
    def had(self) -> NDArray[np.bool_]:
        """Who ever bought what: (customers, products)."""
        table = np.zeros(self.customers * self.products, bool)
        table[self.pairs.key] = True
        return table.reshape(self.customers, self.products)

    @cached_property
    def wanted(self) -> "Wanted":
        """What each customer looked at or put into the cart."""
        return _wanted(self)


@dataclass(frozen=True)
class Wanted:
    """Each product that a customer showed interest in, once, sorted by `key` = row x products + column.

    `views` of it and the instant of the last sign of interest, in microseconds; `open` where that is later than their last purchase of it,
    `carted` where it also lies in the cart.
    """

    key: Ints
    row: Ints
    views: Ints
    at: Ints
    open: NDArray[np.bool_]
    carted: NDArray[np.bool_]


def _wanted(asked: Asked) -> Wanted:
    seen = asked.seen
    key, of = np.unique(seen.customer * asked.products + seen.product, return_inverse=True)
    newest = np.full((len(KINDS_OF_INTEREST), len(key)), _NEVER)
    np.maximum.at(newest, (seen.kind, of), seen.at)
    looked, carted, taken_out = newest
    last, bought = np.maximum(looked, carted), _last_bought(asked, key)
    views = np.bincount(of[seen.kind == LOOKED], minlength=len(key))
    return Wanted(key, key // max(asked.products, 1), views, last, last > bought, (carted > taken_out) & (carted > bought))


def _last_bought(asked: Asked, key: Ints) -> Ints:
    """The end of the day of the last purchase; the least number where there is none: what is seen on the day of a purchase was bought."""
    pairs = asked.pairs
    found = np.full(len(key), _NEVER)
    if len(pairs.key) and len(key):
        place = np.minimum(np.searchsorted(pairs.key, key), len(pairs.key) - 1)
        hit = pairs.key[place] == key
        found[hit] = (pairs.last[place[hit]] + 1) * DAY_US - 1
    return found
