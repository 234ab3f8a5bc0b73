"""How large a holdout must be to see what actions bring: the comparison of two proportions, groups of unequal size, two-sided.

p1 is the share of the held-out customers who order, p2 = p1 (1 + lift) that of the others, n1 and n2 are their numbers. Under the normal
approximation a test at level alpha sees the lift with the power

    Phi((|p2 - p1| - z(1 - alpha/2) sqrt(p (1 - p) (1/n1 + 1/n2))) / sqrt(p1 (1 - p1)/n1 + p2 (1 - p2)/n2)),    p = (n1 p1 + n2 p2)/(n1 + n2)

(Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, 3rd ed., section 4.3; the other tail is left out.)
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

STEPS: Final = 1_000
"""Shares are looked for in steps of a thousandth."""
MOST_SHARE: Final = 0.1
"""More than a tenth of the customers without actions costs more than it teaches."""
LEAST_SHARE: Final = 0.01
MOST_CUSTOMERS: Final = 10**12
_NORMAL: Final = NormalDist()


@dataclass(frozen=True)
class Wanted:
    """What a comparison shall see: this relative lift (0.1: orders rise by a tenth), with this power, at this significance (alpha)."""

    lift: float = 0.1
    power: float = 0.8
    significance: float = 0.05


@dataclass(frozen=True)
class Base:
    """What is known of a span of so many days: of these customers so many ordered in it."""

    periods: int
    days: int
    customers: int
    ordered: int

    @property
    def rate(self) -> float:
        """The share that ordered; 0 without customers."""
        return self.ordered / self.customers if self.customers else 0.0


@dataclass(frozen=True)
class Advice:
    """How large to make the groups, from `base`. Both shares 0: the shop is too small for any, until it has `customers_needed`.

    `lift_at_half` is the smallest lift that could be seen if half of the customers were held out, None where not even certain orders could.
    """

    base: Base
    holdout_share: float
    random_share: float
    lift_at_half: float | None
    customers_needed: int | None

    @property
    def possible(self) -> bool:
        """Whether a holdout of a bearable size sees the lift that is wanted."""
        return self.holdout_share > 0


def power(p1: float, p2: float, n1: float, n2: float, *, significance: float = 0.05) -> float:
    """The probability that groups of these sizes show a difference of these two proportions; 0 for an empty group, or without difference."""
    if min(n1, n2) <= 0 or p1 == p2:
        return 0.0
    pooled = (n1 * p1 + n2 * p2) / (n1 + n2)
    level = _NORMAL.inv_cdf(1 - significance / 2)
    spread = math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    beyond = abs(p2 - p1) - level * math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return _NORMAL.cdf(beyond / spread) if spread else float(beyond > 0)


def smallest_lift(base_rate: float, customers: float, share: float, wanted: Wanted = Wanted(), *, apart: float = 0.0) -> float | None:
    """The smallest relative lift that a holdout of this share of the customers sees; None where none that is possible.

    `apart` is the share of customers in neither group.
    """
    if not 0 < base_rate < 1:
        return None

    def seen(lift: float) -> bool:
        return _power(base_rate, lift, customers, share, wanted, apart) >= wanted.power

    low, high = 0.0, 1 / base_rate - 1
    if not seen(high):
        return None
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high


def smallest_share(base_rate: float, customers: float, wanted: Wanted = Wanted(), *, apart: float = 0.0) -> float | None:
    """The smallest share of the customers, in thousandths up to a half, that must be held out to see the wanted lift.

    None where none does, or where more than everybody would have to order.
    """
    if not _can_be(base_rate, wanted.lift):
        return None
    shares = (step / STEPS for step in range(1, STEPS // 2 + 1))
    return next((share for share in shares if _power(base_rate, wanted.lift, customers, share, wanted, apart) >= wanted.power), None)


def customers_needed(base_rate: float, share: float, wanted: Wanted = Wanted()) -> int | None:
    """How many customers a shop must have so that a holdout of this share sees the wanted lift; None where no number does."""
    if not _can_be(base_rate, wanted.lift):
        return None
    low, high = 0, MOST_CUSTOMERS
    if _power(base_rate, wanted.lift, high, share, wanted) < wanted.power:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(base_rate, wanted.lift, middle, share, wanted) >= wanted.power else (middle, high)
    return high


def advice(bases: Iterable[Base], wanted: Wanted = Wanted()) -> Advice | None:
    """The groups' shares for the shortest span over which holdouts of a bearable size see the wanted lift; None without anything known.

    Where no span does, it is told of the one over which the smallest lift could be seen at all.
    The random-eligible group is compared with those whose actions are chosen, so it is sized to see the same lift beside the holdout.
    """
    known = [base for base in bases if 0 < base.rate < 1]
    for base in known:
        holdout = smallest_share(base.rate, base.customers, wanted)
        if holdout is None or holdout > MOST_SHARE:
            continue
        holdout = max(holdout, LEAST_SHARE)
        chosen = smallest_share(base.rate, base.customers, wanted, apart=holdout)
        random = min(max(chosen or MOST_SHARE, LEAST_SHARE), MOST_SHARE)
        return _advised(base, holdout, random, wanted)
    told = [_advised(base, 0.0, 0.0, wanted) for base in known]
    return min(told, key=lambda each: math.inf if each.lift_at_half is None else each.lift_at_half, default=None)


def _advised(base: Base, holdout: float, random: float, wanted: Wanted) -> Advice:
    at_half = smallest_lift(base.rate, base.customers, 0.5, wanted)
    return Advice(base, holdout, random, at_half, customers_needed(base.rate, MOST_SHARE, wanted))


def _power(base_rate: float, lift: float, customers: float, share: float, wanted: Wanted, apart: float = 0.0) -> float:
    """Of a holdout of this share against everybody else but those apart."""
    others = max(1 - share - apart, 0.0)
    return power(base_rate, base_rate * (1 + lift), share * customers, others * customers, significance=wanted.significance)


def _can_be(base_rate: float, lift: float) -> bool:
    return base_rate > 0 and base_rate * (1 + lift) <= 1
