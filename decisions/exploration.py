"""Exploration: the probability of each allowed action, explicit, so that what is logged is exactly what was drawn from.

    pi = (1 - n floor) p + floor        over n allowed actions

where p are the win probabilities of what is known (`Thompson`: `decisions.win_probabilities`), or a mixture of greedy and softmax (`Softmax`). The
floor keeps every logged probability away from 0, as evaluating another policy on the log asks for. Softmax and epsilon exploration: Sutton and Barto,
Reinforcement Learning, 2nd ed., 2.2 and 2.8. Arrays are customers x actions; `no_action` is the first column, and always allowed.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from json.encoder import encode_basestring_ascii as text
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from decisions.win_probabilities import Uncertain, win_probabilities
from features.errors import InputError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
MOST_FLOOR: Final = 0.001


@dataclass(frozen=True, eq=False)
class Standing:
    """How the actions stand: their priorities, what is not known of these, and which are allowed."""

    priority: Floats
    uncertain: Uncertain
    allowed: Flags

    def rows(self, which: Flags) -> "Standing":
        """These rows."""
        return Standing(self.priority[which], self.uncertain.rows(which), self.allowed[which])


class Exploration(Protocol):
    """A way to explore."""

    def probabilities(self, standing: Standing) -> Floats:
        """The probability of each action to be drawn: rows sum to 1, and what is not allowed has 0."""


@dataclass(frozen=True)
class Thompson:
    """Each action is drawn as often as it is believed to be the best one, and never less than `floor`: what is known well is hardly explored."""

    floor: float = MOST_FLOOR

    def __post_init__(self) -> None:
        _check_floor(self.floor)

    def probabilities(self, standing: Standing) -> Floats:
        """The win probabilities, with the floor."""
        uncertain = standing.uncertain
        rest = Uncertain(
            *(np.ascontiguousarray(part[:, 1:]) for part in (uncertain.scale, uncertain.cost, uncertain.mean, uncertain.strength))
        )
        return _floored(win_probabilities(rest, standing.allowed[:, 1:]), standing.allowed, self.floor)


@dataclass(frozen=True)
class Softmax:
    """`share` of decisions by softmax of the priorities, the others greedy; never less than `floor` per action.

    `temperature` is in spreads, the money between the best and the median priority of the allowed actions: so it means the same in euro and in
    dong, and no few very costly actions can flatten it.
    """

    share: float = 0.1
    temperature: float = 0.5
    floor: float = MOST_FLOOR

    def __post_init__(self) -> None:
        _check_floor(self.floor)
        if not 0 <= self.share <= 1 or not 0 < self.temperature < float("inf"):
            raise InputError(f"{self} cannot be used.", remedy="share lies in 0 to 1, temperature is above 0.")

    def probabilities(self, standing: Standing) -> Floats:
        """The mixture, with the floor."""
        mixed = (1 - self.share) * greedy(standing) + self.share * _softmax(standing, self.temperature)
        return _floored(mixed, standing.allowed, self.floor)


KINDS: Final[Mapping[str, type[Thompson] | type[Softmax]]] = {"thompson": Thompson, "softmax": Softmax}


def to_plain(exploration: Exploration) -> dict[str, Any]:
    """Plain data for JSON; InputError for a way to explore that is none of `KINDS`."""
    for kind, known in KINDS.items():
        if isinstance(exploration, known):
            return {"kind": kind, **asdict(exploration)}
    raise InputError(f"{exploration!r} cannot be stored.", remedy=f"Explore by one of {', '.join(KINDS)}.")


def from_plain(plain: Mapping[str, Any]) -> Exploration:
    """What `to_plain` told of."""
    return KINDS[plain["kind"]](**{name: value for name, value in plain.items() if name != "kind"})


def greedy(standing: Standing) -> Floats:
    """The best allowed action with probability 1; equally good ones share it."""
    priority = np.where(standing.allowed, standing.priority, -np.inf)
    best = priority == priority.max(axis=1)[:, None]
    return np.asarray(best / np.cumsum(best, axis=1)[:, -1:])


def uniform_over(allowed: Flags) -> Floats:
    """Every allowed action alike."""
    return np.asarray(allowed / np.cumsum(allowed, axis=1)[:, -1:])


def draw(pi: Floats, uniform: Floats) -> NDArray[np.int64]:
    """(N,): the place of one action per row, drawn with these probabilities by one uniform number each; probability 0 is never drawn."""
    edges = np.cumsum(pi, axis=1)
    place = (edges <= uniform[:, None] * edges[:, -1:]).sum(axis=1)
    last = pi.shape[1] - 1 - np.argmax(pi[:, ::-1] > 0, axis=1)
    return np.asarray(np.minimum(place, last))


class Draw:
    """The same for one row and many numbers, one by one."""

    def __init__(self, pi: Floats) -> None:
        self._edges: list[float] = np.cumsum(pi).tolist()
        self._last = int(np.flatnonzero(pi > 0)[-1]) if (pi > 0).any() else len(pi) - 1

    def of(self, number: float) -> int:
        """The place that is drawn by this number."""
        return min(bisect_right(self._edges, number * self._edges[-1]), self._last)


def uniform(seed: int, customer_id: str, decision_id: str, rank: int = 0) -> float:
    """The random number, 0 <= u < 1, of one rank of one decision: the same for the same seed, customer and decision, whatever was decided before."""
    digest = hashlib.sha256(f"[{seed}, {text(customer_id)}, {text(decision_id)}, {rank}]".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _floored(p: Floats, allowed: Flags, floor: float) -> Floats:
    count = np.cumsum(allowed, axis=1)[:, -1:]
    return np.where(allowed, (1 - count * floor) * p + floor, 0.0)


def _softmax(standing: Standing, temperature: float) -> Floats:
    priority = np.where(standing.allowed, standing.priority, np.nan)
    best = np.nanmax(priority, axis=1)[:, None]
    middle, least = np.nanmedian(priority, axis=1)[:, None], np.nanmin(priority, axis=1)[:, None]
    spread = np.where(best > middle, best - middle, best - least)
    with np.errstate(over="ignore", under="ignore"):
        powers = np.where(standing.allowed, np.exp((priority - best) / (temperature * np.where(spread > 0, spread, 1.0))), 0.0)
    return np.asarray(powers / np.cumsum(powers, axis=1)[:, -1:])


def _check_floor(floor: float) -> None:
    if not 0 <= floor <= MOST_FLOOR:
        raise InputError(f"The floor is {floor}.", remedy=f"Give a probability from 0 to {MOST_FLOOR} per action.")
