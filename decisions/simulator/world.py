"""The simulated world: its period, range, customers and their true responses, each drawn from a stream of its own."""

from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

import numpy as np

from decisions.actions import Catalogue
from decisions.limits import load_limits
from decisions.policy import HOLDOUT_SHARE, Policy, default_policy
from decisions.simulator.assortment import Assortment, make_assortment
from decisions.simulator.population import Population, make_population
from decisions.simulator.responses import Responses, make_responses
from decisions.simulator.rhythm import Period, period


@dataclass(frozen=True)
class World:
    """Everything that is fixed before the first day."""

    seed: int
    period: Period
    assortment: Assortment
    population: Population
    policy: Policy
    responses: Responses

    def stream(self, concern: str) -> np.random.Generator:
        """A fresh generator for one concern: what another concern draws never shifts it."""
        return stream(self.seed, concern)


def make_policy(catalogue: Catalogue, seed: int) -> Policy:
    """The shop's policy in all its weeks: its catalogue, the default limits, and whoever is not in the group without actions is in the random one.

    So each allowed action is as likely as any other, `no_action` among them. A log is learnt from by what was tried: by priorities, even with much
    softmax, a call that costs five euro would hardly ever be tried before anybody knows what it brings, and the weight of its few trials would
    be that of a thousand others. So no weight exceeds the number of allowed actions, and the gates alone say who could get what.
    """
    return default_policy(catalogue, load_limits(catalogue=catalogue), seed=seed, holdout_share=HOLDOUT_SHARE, random_share=1.0)


def stream(seed: int, concern: str) -> np.random.Generator:
    """The generator that belongs to this seed and concern."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(concern.encode()),)))


def make_world(*, customers: int, months: int, seed: int, start: datetime, catalogue: Catalogue) -> World:
    """Draws a world; the same arguments give the same world."""
    when = period(start, months)
    policy = make_policy(catalogue, seed)
    assortment = make_assortment(when.days, stream(seed, "assortment"))
    return World(
        seed=seed,
        period=when,
        assortment=assortment,
        population=make_population(customers, when.days, assortment, stream(seed, "population")),
        policy=policy,
        responses=make_responses(policy, stream(seed, "responses")),
    )
