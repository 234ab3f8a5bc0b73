"""Who the simulated customers are: how often each buys, when each leaves, and what each likes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.simulator.assortment import Assortment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

PERSONAS: Final = ("bargain_hunter", "busy_parent", "explorer", "regular")
PERSONA_SHARES: Final = (0.3, 0.2, 0.2, 0.3)
CONSENT_CHANNELS: Final = ("email", "app", "sms")
CONSENT_SHARES: Final = (0.85, 0.6, 0.45)
ORDER_CHANNELS: Final = ("web", "app", "store", "phone")
LOCALES: Final = ("vi", "en")
MOST_STAPLES: Final = 5

ORDER_RATE_SHAPE: Final = 1.3
ORDER_RATE_MEAN: Final = 0.045
"""Orders per day of an active customer: gamma over customers."""
EXIT_RATE_SHAPE: Final = 1.5
EXIT_RATE_MEAN: Final = 0.0028
"""Exits per day: gamma over customers."""
_LOOKER_SHARE = 0.15
_TASTE_CLUSTERS = 5
_LONGEST_LIFE_DAYS = 36_500.0


@dataclass(frozen=True)
class Population:
    """One entry per customer. Times are days since start, rates are per day; two-dimensional entries have a row per customer."""

    aware_at: Floats
    joined_at: Floats
    left_at: Floats
    order_rate: Floats
    first_order_rate: Floats
    exit_rate: Floats
    browse_rate: Floats
    open_share: Floats
    satisfaction: Floats
    persona: Ints
    locale: Ints
    order_channel: Ints
    consent: Flags
    subscribed: Flags
    cluster: Ints
    taste: Floats
    """Customer x category: share of the customer's interest."""
    brand: Ints
    staples: Ints
    """Customer x MOST_STAPLES: products that are bought again and again; -1 where there is none."""
    cycle_days: Floats
    cycle_phase: Floats

    @property
    def size(self) -> int:
        """Number of customers."""
        return int(self.joined_at.size)

    def fade(self, customers: Ints, at: Floats | float) -> Floats:
        """Interest that is left, 1 down to .15, falling over the 30 days before the exit."""
        return np.clip((self.left_at[customers] - at) / 30.0, 0.15, 1.0)


def make_population(customers: int, days: float, assortment: Assortment, rng: np.random.Generator) -> Population:
    """Draws the customers of a shop that is watched for this many days.

    Arrivals thin out over the period (days x Beta(1, 1.5)). Order rates are gamma over customers and exponential lifetimes have
    gamma rates, as in the Pareto/NBD of Schmittlein, Morrison & Colombo (1987), Management Science 33(1), eqs. 1 to 4; its
    BG/NBD cousin: Fader, Hardie & Lee (2005), Marketing Science 24(2). Unlike there the clock of a life starts at sign-up, and
    the first order has a rate of its own, since the shop sees people before they buy. Tastes are Dirichlet around a cluster's.
    """
    joined_at = days * rng.beta(1.0, 1.5, customers)
    order_rate = rng.gamma(ORDER_RATE_SHAPE, ORDER_RATE_MEAN / ORDER_RATE_SHAPE, customers)
    exit_rate = rng.gamma(EXIT_RATE_SHAPE, EXIT_RATE_MEAN / EXIT_RATE_SHAPE, customers)
    life = np.minimum(rng.standard_exponential(customers) / np.maximum(exit_rate, 1e-9), _LONGEST_LIFE_DAYS)
    cluster, taste = _tastes(customers, len(assortment.paths), rng)
    brand = rng.integers(0, len(assortment.brands), customers)
    staples, cycle_days = _staples(taste, brand, assortment, rng)
    return Population(
        aware_at=np.maximum(joined_at - rng.gamma(2.0, 8.0, customers), 0.0),
        joined_at=joined_at,
        left_at=joined_at + life,
        order_rate=order_rate,
        first_order_rate=np.where(rng.random(customers) < _LOOKER_SHARE, 0.002, 0.045),
        exit_rate=exit_rate,
        browse_rate=0.015 + 0.5 * order_rate * rng.lognormal(-0.125, 0.5, customers),
        open_share=rng.beta(2.0, 5.0, customers),
        satisfaction=np.clip(8.3 - 0.7 * np.log(np.maximum(exit_rate, 1e-5) / EXIT_RATE_MEAN) + rng.normal(0.0, 0.8, customers), 3.0, 10.0),
        persona=rng.choice(len(PERSONAS), customers, p=PERSONA_SHARES),
        locale=(rng.random(customers) < 0.4).astype(np.int64),
        order_channel=rng.choice(len(ORDER_CHANNELS), customers, p=(0.5, 0.3, 0.15, 0.05)),
        consent=rng.random((customers, len(CONSENT_CHANNELS))) < np.array(CONSENT_SHARES),
        subscribed=rng.random(customers) < 0.6,
        cluster=cluster,
        taste=taste,
        brand=brand,
        staples=staples,
        cycle_days=cycle_days,
        cycle_phase=rng.random(cycle_days.shape),
    )


def pick_categories(taste: Floats, rng: np.random.Generator) -> Ints:
    """One category per row of taste, drawn by the row's shares."""
    passed = np.cumsum(taste, axis=1)[:, :-1] < rng.random(len(taste))[:, None]
    return np.asarray(passed.sum(axis=1), dtype=np.int64)


def _tastes(customers: int, categories: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    weights = np.full((_TASTE_CLUSTERS, categories), 0.25)
    order = np.concatenate([rng.permutation(categories), rng.permutation(categories)])
    for number in range(_TASTE_CLUSTERS):
        weights[number, order[number * 3 : number * 3 + 3]] = 4.0
    cluster = rng.integers(0, _TASTE_CLUSTERS, customers)
    draws = rng.gamma(weights[cluster]) + 1e-9
    return cluster, draws / draws.sum(axis=1, keepdims=True)


def _staples(taste: Floats, brand: Ints, assortment: Assortment, rng: np.random.Generator) -> tuple[Ints, Floats]:
    customers = len(taste)
    lasting = taste * np.isfinite(assortment.cycle_days)
    lasting = lasting / lasting.sum(axis=1, keepdims=True)
    categories = pick_categories(np.repeat(lasting, MOST_STAPLES, axis=0), rng)
    products = assortment.pick(categories, np.repeat(brand, MOST_STAPLES), np.full(categories.size, 0.0), rng)
    cycles = assortment.cycle_days[categories] * rng.lognormal(0.0, 0.35, categories.size)
    count = rng.integers(1, MOST_STAPLES + 1, customers)
    kept = np.arange(MOST_STAPLES) < count[:, None]
    return np.where(kept, products.reshape(customers, -1), -1), np.maximum(cycles, 7.0).reshape(customers, -1)
