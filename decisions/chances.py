"""From what gates forbid to how likely each action is drawn: the part of a decision that is the same for one customer and for many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisions.arbitration import Circumstances, Weighed
from decisions.exploration import greedy, uniform_over
from decisions.holdout import GROUPS, group_of
from decisions.policy import Policy

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_NO_ACTION, _RANDOM = GROUPS.index("no_action"), GROUPS.index("random")


@dataclass(frozen=True, eq=False)
class Chances:
    """What stands for choice. failed: customers x gates. ways: customers x ways, allowed and asked for. allowed, probability: customers x actions."""

    failed: Flags
    ways: Flags
    allowed: Flags
    weighed: Weighed
    probability: Floats

    def rows(self, which: slice) -> "Chances":
        """These customers'."""
        return Chances(self.failed[which], self.ways[which], self.allowed[which], self.weighed.rows(which), self.probability[which])

    @classmethod
    def joined(cls, parts: "Sequence[Chances]") -> "Chances":
        """The customers of all parts."""
        if len(parts) == 1:
            return parts[0]
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("failed", "ways", "allowed", "probability")}
        return cls(**arrays, weighed=Weighed.joined([part.weighed for part in parts]))


def chances(
    failed: Flags, asked: Flags, known: Circumstances, groups: Ints, policy: Policy, context: Mapping[str, float], *, greedily: bool = False
) -> Chances:
    """The probabilities of the actions, where these gates fail (customers x gates) and these ways are asked for (ways).

    `groups` are places in `decisions.holdout.GROUPS`: one group gets no action, one any allowed action alike. `greedily` gives the best allowed
    action probability 1 instead of exploring.
    """
    gates = policy.gates
    open_ways = gates.passed(failed) & asked
    ways = open_ways & ((groups != _NO_ACTION)[:, None] | _is_first(open_ways.shape[1]))
    slots = gates.per_action
    allowed = (ways[:, slots] & (slots >= 0)).any(axis=2)
    weighed = policy.arbiter.weigh(known, ways, context)
    probability = uniform_over(allowed)
    open_choice = (groups != _RANDOM) & (np.add.reduce(allowed, axis=1) > 1)
    if open_choice.any():
        standing = weighed.standing(allowed).rows(open_choice)
        probability[open_choice] = greedy(standing) if greedily else policy.exploration.probabilities(standing)
    return Chances(failed, ways, allowed, weighed, probability)


def group_places(customer_ids: Sequence[str], policy: Policy) -> Ints:
    """The customers' groups, as places in `decisions.holdout.GROUPS`."""
    return np.array(
        [GROUPS.index(group_of(each, policy.seed, policy.holdout_share, policy.random_share)) for each in customer_ids], dtype=np.int64
    )


def _is_first(ways: int) -> Flags:
    """The way of `no_action`."""
    return np.asarray(np.arange(ways) == 0)
