"""Panels whose law is known: customers walk a made chain over (stage, order count), and bring money by a made reward."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from training.journey.panel import Panel
from training.journey.states import STATES, State

START = datetime(2024, 1, 1)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """A chain over some of the states, its rewards, and walks on it."""

    states: tuple[State, ...]
    transitions: Floats
    rewards: Floats

    def worth(self, steps: int) -> Floats:
        """(I + P + P^2 + ... + P^(steps - 1)) r, by matrix powers."""
        powers = [np.linalg.matrix_power(self.transitions, i) for i in range(steps)]
        return np.asarray(sum(powers) @ self.rewards)

    def panel(self, customers: int, steps: int, *, seed: int = 0) -> Panel:
        """So many walks from evenly spread starts; money is exponential around the reward."""
        rng = np.random.default_rng(seed)
        walk = np.empty((customers, steps + 1), int)
        walk[:, 0] = np.arange(customers) % len(self.states)
        for step in range(steps):
            draws = rng.random((customers, 1))
            walk[:, step + 1] = (draws > self.transitions.cumsum(axis=1)[walk[:, step]]).sum(axis=1)
        spent = rng.exponential(1.0, (customers, steps)) * self.rewards[walk[:, :-1]]
        return panel_of(np.array([STATES.index(one) for one in self.states])[walk], spent)


def panel_of(states: NDArray[np.int64], spent: Floats, unsubscribed_in: NDArray[np.int64] | None = None) -> Panel:
    """A panel of monthly steps; nobody is silent, and nobody unsubscribes unless told."""
    customers, cuts = states.shape
    never = np.full(customers, cuts - 1)
    return Panel(
        states=states.astype(np.int8),
        order_counts=np.zeros(states.shape),
        silences=np.zeros(states.shape, np.int8),
        spent=spent,
        unsubscribed_in=never if unsubscribed_in is None else unsubscribed_in,
        cutoffs=tuple(START + timedelta(days=30 * i) for i in range(cuts)),
        months_per_step=1.0,
    )


@pytest.fixture(scope="session")
def made() -> Made:
    """Three states of one order count, so that nothing is drawn across order counts: people go round, and decision brings most."""
    states = (("consideration", "0"), ("decision", "0"), ("awareness", "0"))
    transitions = np.array([[0.5, 0.3, 0.2], [0.2, 0.4, 0.4], [0.3, 0.1, 0.6]])
    return Made(states, transitions, np.array([10.0, 50.0, 1.0]))


@pytest.fixture(scope="session")
def make_panel() -> Callable[..., Panel]:
    return panel_of
