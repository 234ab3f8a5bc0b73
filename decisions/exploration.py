"""Exploration: the probability of each allowed action, explicit, so that what is logged is exactly what was drawn from.

    pi = (1 - n floor) [(1 - share) greedy + share softmax(priority / (temperature x spread))] + floor

over n allowed actions: `greedy` shares 1 equally among the best, `spread` is the money between the best and the median priority, so that the
temperature means the same in euro and in dong, and no few very costly actions can flatten it. The floor keeps every logged probability away from 0,
as evaluating another policy on the log asks for. Softmax and epsilon exploration: Sutton and Barto, Reinforcement Learning, 2nd ed., 2.2 and 2.8.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

Vector = NDArray[np.float64]
MOST_FLOOR = 0.5


@dataclass(frozen=True)
class Exploration:
    """How much is explored: `share` of decisions by softmax at `temperature` (in spreads of priority), and never less than `floor` per action."""

    share: float = 0.1
    temperature: float = 0.5
    floor: float = 0.001

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or not 0 <= self.floor <= MOST_FLOOR or not 0 < self.temperature < float("inf"):
            raise InputError(f"{self} cannot be used.", remedy="share lies in 0 to 1, floor in 0 to 0.5, temperature is above 0.")


def probabilities(priorities: Sequence[float], exploration: Exploration) -> Vector:
    """The probability of each action to be drawn, summing to 1; empty for no actions."""
    if len(priorities) == 0:
        return np.zeros(0)
    values = np.asarray(priorities, dtype=np.float64)
    floor = min(exploration.floor, MOST_FLOOR / len(values))
    mixed = (1 - exploration.share) * greedy(values) + exploration.share * _softmax(values, exploration.temperature)
    pi = (1 - len(values) * floor) * mixed + floor
    return np.asarray(pi / pi.sum())


def greedy(priorities: Sequence[float] | Vector) -> Vector:
    """The best action with probability 1; equally good ones share it."""
    values = np.asarray(priorities, dtype=np.float64)
    best = values == values.max()
    return np.asarray(best / best.sum())


def draw(pi: Vector, rng: np.random.Generator) -> int:
    """The place of one action, drawn with these probabilities; an action of probability 0 is never drawn."""
    edges = np.cumsum(pi)
    return int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))


def generator(seed: int, customer_id: str, decision_id: str) -> np.random.Generator:
    """The random numbers of one decision: the same for the same seed, customer and decision, whatever was decided before."""
    digest = hashlib.sha256(json.dumps([seed, customer_id, decision_id]).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def _softmax(values: Vector, temperature: float) -> Vector:
    spread = values.max() - float(np.median(values)) or values.max() - values.min()
    if not spread:
        return np.full(len(values), 1 / len(values))
    with np.errstate(over="ignore"):
        powers = np.exp((values - values.max()) / (temperature * spread))
    return np.asarray(powers / powers.sum())
