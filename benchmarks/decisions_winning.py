"""Win probabilities: 64 points against Thompson draws, time and error, with a dense integration as the truth."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from decisions.win_probabilities import Uncertain, folded_normal, win_probabilities

Floats = NDArray[np.float64]
ROWS: Final = 256
ACTIONS: Final = 12
DENSE: Final = 40_001
ROUNDS: Final = 5


@dataclass(frozen=True)
class Way:
    """CPU microseconds per customer, and how far its probabilities are off: the mean of each customer's worst action, and the worst of all."""

    name: str
    microseconds: float
    mean_error: float
    worst_error: float

    def __str__(self) -> str:
        return f"{self.name:<58}{self.microseconds:>9.1f} us   off by {self.mean_error:.5f}, at worst {self.worst_error:.5f}"


def winning() -> list[Way]:
    """Each way on the same customers."""
    rng = np.random.default_rng(8)
    known = _customers(rng)
    allowed = rng.random((ROWS, ACTIONS)) < 0.6
    truth = np.stack([_dense(known.rows(slice(row, row + 1)), allowed[row]) for row in range(ROWS)])
    ways: dict[str, Callable[[], Floats]] = {
        "64 points": lambda: win_probabilities(known, allowed),
        "64 points, customer by customer": lambda: np.concatenate(
            [win_probabilities(known.rows(slice(row, row + 1)), allowed[row : row + 1]) for row in range(ROWS)]
        ),
        "256 draws": lambda: _drawn(known, allowed, 256, rng),
        "4,096 draws": lambda: _drawn(known, allowed, 4_096, rng),
    }
    return [_measured(name, way, truth) for name, way in ways.items()]


def _customers(rng: np.random.Generator) -> Uncertain:
    shape = (ROWS, ACTIONS)
    return Uncertain(
        rng.lognormal(1.5, 0.8, shape), rng.exponential(0.1, shape), rng.beta(1.5, 20.0, shape), rng.lognormal(4.0, 1.2, shape)
    )


def _measured(name: str, way: Callable[[], Floats], truth: Floats) -> Way:
    found, seconds = way(), []
    for _ in range(ROUNDS):
        begins = time.process_time()
        way()
        seconds.append(time.process_time() - begins)
    off = np.abs(found - truth).max(axis=1)
    return Way(name, min(seconds) / ROWS * 1e6, float(off.mean()), float(off.max()))


def _dense(known: Uncertain, allowed: NDArray[np.bool_]) -> Floats:
    """One customer's win probabilities on very many even points, each action's steps against the product of the others in their middle."""
    scale, cost, mean, strength = (part[0, allowed] for part in (known.scale, known.cost, known.mean, known.strength))
    won = np.zeros(1 + len(allowed))
    if not len(scale):
        won[0] = 1.0
        return won
    centre, deviation = folded_normal(mean, strength)
    x = np.linspace(0.0, float((scale * np.sin(np.minimum(centre + 6 * deviation, np.pi / 2)) ** 2 - cost).max().clip(1e-9)), DENSE)
    share = np.clip((x[None] + cost[:, None]) / scale[:, None], 0.0, 1.0)
    angle = np.arcsin(np.sqrt(share))
    below = ndtr((angle - centre[:, None]) / deviation[:, None]) - ndtr((-angle - centre[:, None]) / deviation[:, None])
    middle = 0.5 * (below[:, 1:] + below[:, :-1])
    others = np.stack([np.prod(np.delete(middle, place, axis=0), axis=0) for place in range(len(scale))])
    won[1 + np.flatnonzero(allowed)] = (np.diff(below, axis=1) * others).sum(axis=1)
    won[0] = below[:, 0].prod()
    return np.asarray(won / won.sum())


def _drawn(known: Uncertain, allowed: NDArray[np.bool_], draws: int, rng: np.random.Generator) -> Floats:
    """Thompson's way: each action's priority drawn so often, and how often each is the best."""
    centre, deviation = folded_normal(known.mean, known.strength)
    found = np.empty((ROWS, 1 + ACTIONS))
    for row in range(ROWS):
        angle = rng.normal(centre[row], deviation[row], (draws, ACTIONS))
        priority = np.where(allowed[row], known.scale[row] * np.sin(angle) ** 2 - known.cost[row], -np.inf)
        best = np.where(priority.max(axis=1) > 0, 1 + priority.argmax(axis=1), 0)
        found[row] = np.bincount(best, minlength=1 + ACTIONS) / draws
    return found
