"""The simulated world: its period, range, customers and their true responses, each drawn from a stream of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

import numpy as np

from decisions.actions import Action
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
    responses: Responses

    def stream(self, concern: str) -> np.random.Generator:
        """A fresh generator for one concern: what another concern draws never shifts it."""
        return stream(self.seed, concern)


def stream(seed: int, concern: str) -> np.random.Generator:
    """The generator that belongs to this seed and concern."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(concern.encode()),)))


def make_world(*, customers: int, months: int, seed: int, start: datetime, actions: Sequence[Action]) -> World:
    """Draws a world; the same arguments give the same world."""
    when = period(start, months)
    assortment = make_assortment(when.days, stream(seed, "assortment"))
    return World(
        seed=seed,
        period=when,
        assortment=assortment,
        population=make_population(customers, when.days, assortment, stream(seed, "population")),
        responses=make_responses(actions, stream(seed, "responses")),
    )
