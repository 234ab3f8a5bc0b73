"""A Markov reward process over the states: what each is worth over a number of steps, and how it is estimated from a panel.

V_h(s) = r(s) + sum_s' P(s' | s) V_{h-1}(s'), V_0 = 0 (Puterman 1994, Markov Decision Processes, 4.2, with one action in every state). Rows of P
and r are drawn towards what customers of the same order count do on average, and the latter's r towards the shop's: the posterior
mean under a Dirichlet prior (P), and Buehlmann's credibility with a fixed constant (r; Buehlmann 1967), centred on what the data say of the wider group. An order count never falls, so rows of P are not drawn beyond their bucket.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.journey.panel import ABSENT, Panel
from training.journey.states import BUCKETS, STATES

STRENGTH: Final = 20.0  # the wider group counts like this many customers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Process:
    """`transitions` (states x states, rows sum to 1), `rewards` (states): money per step; `customers` (states): how many were seen there."""

    transitions: Floats
    rewards: Floats
    customers: Floats

    def values(self, steps: int) -> Floats:
        """Expected money from each state within so many steps."""
        return values(self.transitions, self.rewards, steps)


def values(transitions: Floats, rewards: Floats, steps: int) -> Floats:
    """V_steps by backward induction."""
    worth = np.zeros(len(rewards))
    for _ in range(steps):
        worth = rewards + transitions @ worth
    return worth


def estimated(panel: Panel) -> Process:
    """The process of a panel; a state's evidence is its customers, not its rows: the steps of one customer are alike."""
    known = panel.states[:, :-1] != ABSENT
    rows, _ = np.nonzero(known)
    here, there = panel.states[:, :-1][known].astype(int), panel.states[:, 1:][known].astype(int)
    size = len(STATES)
    moves = np.bincount(here * size + there, minlength=size * size).reshape(size, size).astype(float)
    money = np.bincount(here, panel.spent[known], minlength=size)
    customers = np.bincount(np.unique(rows * size + here) % size, minlength=size).astype(float)
    rows_of = moves.sum(axis=1)
    shop = money.sum() / max(rows_of.sum(), 1.0)
    bucket_money = _drawn(_in_bucket(money), _in_bucket(rows_of), _in_bucket(customers), shop)
    rewards = _drawn(money, rows_of, customers, bucket_money)
    bucket_moves = _in_bucket(moves) / np.maximum(_in_bucket(rows_of), 1.0)[:, None]
    transitions = _drawn(moves, rows_of[:, None], customers[:, None], bucket_moves)
    return Process(transitions, rewards, customers)


def _in_bucket(sums: Floats) -> Floats:
    """Each state's sums replaced by those of all states with its order count."""
    buckets = np.array([BUCKETS.index(bucket) for _, bucket in STATES])
    return np.asarray((buckets[:, None] == buckets[None, :]).astype(float) @ sums)


def _drawn(sums: Floats, rows: Floats, customers: Floats, towards: Floats | float) -> Floats:
    """Means of sums over rows, drawn towards something as by STRENGTH customers; exactly that where there are none."""
    means = sums / np.maximum(rows, 1.0)
    return np.asarray((customers * means + STRENGTH * towards) / (customers + STRENGTH))
