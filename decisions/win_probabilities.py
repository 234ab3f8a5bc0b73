"""Thompson's win probabilities: how likely each action is the best one, given how little or much is known about its response.

    P(a wins) = integral of f_a(x) x product over b of F_b(x) dx,    over the priorities x > 0

of independent priorities x_a = scale_a p_a - cost_a; `no_action` is worth exactly 0, so it wins where no other is above 0. (Thompson 1933; as
probabilities instead of draws: Scott, A modern Bayesian look at the multi-armed bandit, 2010.) The uncertain response p has the mean m and the
variance m (1 - m) / (n + 1) of a beta distribution that has seen n answers and silences; it is written as sin^2(Y) with a normal Y whose mean and
deviation give exactly these two moments (Johnson's folded arcsine form), since its distribution function costs a tenth of the beta's. Where no Y has both
moments (a rare answer that was hardly ever tried), Y is centred on 0 and the mean is exact.

The integral is taken on 64 points that a row's actions share: half of them even, half at the quantiles of the four best. Between two points every
distribution function is taken as straight, and the product of them is integrated by Gauss's rule with two points.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

EVEN: Final = 40
CONTENDERS: Final = 3
_LEVELS: Final = np.array([-2.6, -1.6, -0.9, -0.3, 0.3, 0.9, 1.6, 2.6])
"""Where the contenders' points lie, in deviations."""
_FAR: Final = 4.0
"""In deviations: what is beyond is left out."""
_BLOCK: Final = 64
"""Rows worked at once: their tables of points fit into a processor's cache."""
_EVENLY: Final = np.linspace(0.0, 1.0, EVEN) ** 2.0
_GAUSS: Final = (0.5 - 0.5 / np.sqrt(3.0), 0.5 + 0.5 / np.sqrt(3.0))


@dataclass(frozen=True)
class Uncertain:
    """Priorities that are not known exactly, rows x actions: scale x p - cost, where p has this mean and strength (answers and silences seen)."""

    scale: Floats
    cost: Floats
    mean: Floats
    strength: Floats

    def rows(self, which: slice | Flags) -> "Uncertain":
        """These rows."""
        return Uncertain(self.scale[which], self.cost[which], self.mean[which], self.strength[which])

    def columns(self, order: NDArray[np.int64]) -> "Uncertain":
        """Of each row these columns."""
        rows = np.arange(len(order))[:, None]
        return Uncertain(self.scale[rows, order], self.cost[rows, order], self.mean[rows, order], self.strength[rows, order])


def win_probabilities(uncertain: Uncertain, allowed: Flags) -> Floats:
    """How likely each allowed action is the best, rows x (1 + actions): the first column is `no_action`. Rows sum to 1.

    `allowed` is rows x actions, without `no_action`, which always is. A priority that cannot be above 0 never wins. A row is the same whatever
    other rows stand beside it.
    """
    blocks = (slice(start, start + _BLOCK) for start in range(0, len(allowed), _BLOCK))
    return np.concatenate([np.empty((0, 1 + allowed.shape[1])), *(_block(uncertain.rows(rows), allowed[rows]) for rows in blocks)])


def _block(uncertain: Uncertain, allowed: Flags) -> Floats:
    rows, actions = allowed.shape
    found = np.zeros((rows, 1 + actions))
    hopeful = allowed & (uncertain.scale > np.maximum(uncertain.cost, 0.0)) & (uncertain.mean > 0)
    order = np.argsort(~hopeful, axis=1, kind="stable")[:, : int(hopeful.sum(axis=1).max(initial=0))]
    beside = np.arange(rows)[:, None]
    taken = hopeful[beside, order]
    if not taken.size:
        found[:, 0] = 1.0
        return found
    first, others = _won(uncertain.columns(order), taken)
    found[beside, 1 + order] = np.where(taken, others, 0.0)
    found[:, 0] = first
    return found


def folded_normal(mean: Floats, strength: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of the normal Y of which sin^2(Y) has the mean and variance of a beta distribution (mean, strength)."""
    cosine = 1.0 - 2.0 * mean
    squared = cosine * cosine
    room = (1.0 - squared) ** 2 - 8.0 * mean * (1.0 - mean) / (strength + 1.0)
    spread = _between(squared + np.sqrt(np.maximum(room, 0.0)), 1e-12, 1.0 - 1e-15)
    centre = 0.5 * np.arccos(_between(cosine / np.sqrt(spread), -1.0, 1.0))
    return centre, 0.5 * np.sqrt(-np.log(spread))


def _won(uncertain: Uncertain, taken: Flags) -> tuple[Floats, Floats]:
    """What `no_action` and the other actions win; where nothing is taken, a column can win nothing and stands in nobody's way."""
    scale, cost = np.where(taken, uncertain.scale, 1.0), np.where(taken, uncertain.cost, 2.0)
    centre, deviation = folded_normal(np.where(taken, uncertain.mean, 0.5), np.where(taken, uncertain.strength, 1.0))
    points = _points(scale, cost, centre, deviation, taken)
    below = _distribution(points[:, None, :], scale[..., None], cost[..., None], centre[..., None], deviation[..., None])
    below[~taken] = 1.0
    steps = below[:, :, 1:] - below[:, :, :-1]
    won = np.zeros(scale.shape)
    for share in _GAUSS:
        at = below[:, :, :-1] + share * steps
        best = np.multiply.reduce(at, axis=1)[:, None, :]
        won += 0.5 * np.add.reduce(steps * np.divide(best, at, out=np.zeros(at.shape), where=at > 0), axis=2)
    none = np.where(points[:, 0] > 0, 0.0, np.multiply.reduce(below[:, :, 0], axis=1))
    total = none + np.cumsum(won, axis=1)[:, -1]
    surely_none = total <= 0
    total = np.where(surely_none, 1.0, total)
    return np.where(surely_none, 1.0, none / total), won / total[:, None]


def _points(scale: Floats, cost: Floats, centre: Floats, deviation: Floats, taken: Flags) -> Floats:
    """The shared points of each row, ascending: from what is surely reached to what nothing exceeds."""
    low = np.where(taken, _quantile(scale, cost, centre, deviation, -_FAR), 0.0).max(axis=1)
    high = np.where(taken, _quantile(scale, cost, centre, deviation, _FAR), 0.0).max(axis=1)
    low, high = np.maximum(low, 0.0)[:, None], np.maximum(high, 0.0)[:, None]
    middle = np.where(taken, _quantile(scale, cost, centre, deviation, 0.0), -np.inf)
    best = np.argsort(-middle, axis=1, kind="stable")[:, :CONTENDERS]
    rows = np.arange(len(scale))[:, None]
    scales, costs, centres, deviations = (part[rows, best][..., None] for part in (scale, cost, centre, deviation))
    theirs = _quantile(scales, costs, centres, deviations, _LEVELS).reshape(len(scale), -1)
    missing = CONTENDERS * len(_LEVELS) - theirs.shape[1]
    theirs = np.concatenate([theirs, np.repeat(low, missing, axis=1)], axis=1)
    return np.sort(np.concatenate([low + (high - low) * _EVENLY, _between(theirs, low, high)], axis=1), axis=1)


def _quantile(scale: Floats, cost: Floats, centre: Floats, deviation: Floats, level: float | Floats) -> Floats:
    angle = _between(centre + level * deviation, 0.0, 0.5 * np.pi)
    return np.asarray(scale * np.sin(angle) ** 2 - cost)


def _distribution(x: Floats, scale: Floats, cost: Floats, centre: Floats, deviation: Floats) -> Floats:
    """P(priority <= x)."""
    with np.errstate(over="ignore"):  # beyond the largest number is beyond 1
        share = _between((x + cost) / scale, 0.0, 1.0)
    angle = np.arcsin(np.sqrt(share))
    found = ndtr((angle - centre) / deviation) - ndtr((-angle - centre) / deviation)
    return np.where(share >= 1.0, 1.0, found)


def _between(values: Floats, low: float | Floats, high: float | Floats) -> Floats:
    """As `np.clip`, which takes its time over few values."""
    return np.asarray(np.minimum(np.maximum(values, low), high))
