"""A Markov reward process over the states: what each is worth over a number of steps, and how it is estimated from a panel.

V_h(s) = r(s) + sum_s' P(s' | s) V_{h-1}(s'), V_0 = 0 (Puterman 1994, Markov Decision Processes, 4.2, with one action in every state). A state of the
chain is (stage, order count, silence): with stage and order count alone it would forget who has been silent for long, and count on them.

Rows of P and r are drawn towards those of all stages with the same order count and silence, and these towards the order count's: the posterior
mean under a Dirichlet prior (P), and Buehlmann's credibility with a fixed constant (r; Buehlmann 1967, ASTIN Bulletin 4), both centred on what
the data say of the wider group (empirical Bayes). An order count never falls: so rows of P are not drawn beyond their order count, r to the shop's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.journey.panel import ABSENT, Panel
from training.journey.states import SILENCES, STAGES_COUNT, STATES

STRENGTH: Final = 20.0  # the wider group counts like this many customers
SIZE: Final = len(STATES) * len(SILENCES)
_STATE_OF: Final = np.arange(SIZE) // len(SILENCES)
_BUCKET_OF: Final = _STATE_OF // STAGES_COUNT
_GROUP_OF: Final = _BUCKET_OF * len(SILENCES) + np.arange(SIZE) % len(SILENCES)

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Process:
    """`transitions` (SIZE x SIZE, rows sum to 1 where the order count was seen), `rewards` (SIZE): money per step."""

    transitions: Floats
    rewards: Floats

    def values(self, steps: int) -> Floats:
        """Expected money within so many steps, from each state of the chain."""
        return values(self.transitions, self.rewards, steps)


def values(transitions: Floats, rewards: Floats, steps: int) -> Floats:
    """V_steps by backward induction."""
    worth = np.zeros(len(rewards))
    for _ in range(steps):
        worth = rewards + transitions @ worth
    return worth


def places(panel: Panel) -> Places:
    """Everybody's state of the chain at each cut-off: the place of (stage, order count) times the silences, plus the silence; ABSENT alike."""
    chain = panel.states.astype(np.int64) * len(SILENCES) + panel.silences
    return np.asarray(np.where(panel.states == ABSENT, ABSENT, chain))


def estimated(panel: Panel) -> Process:
    """The process of a panel's steps from `learned_from` on. A state's evidence is its customers, not its rows: steps of one customer are alike."""
    chain, first = places(panel), panel.learned_from
    known = chain[:, first:-1] != ABSENT
    here, there = chain[:, first:-1][known], chain[:, first + 1 :][known]
    moves = np.bincount(here * SIZE + there, minlength=SIZE * SIZE).reshape(SIZE, SIZE).astype(np.float64)
    money = np.bincount(here, panel.spent[:, first:][known], minlength=SIZE)
    sums = np.column_stack([moves, money])
    rows, customers = moves.sum(axis=1), customers_by(here, np.nonzero(known)[0], SIZE)
    towards = np.zeros_like(sums)
    towards[:, SIZE] = money.sum() / max(rows.sum(), 1.0)
    towards[:, :SIZE] = _pooled(moves, _BUCKET_OF) / np.maximum(_pooled(rows, _BUCKET_OF), 1.0)[:, None]
    for groups in (_BUCKET_OF, _GROUP_OF, np.arange(SIZE)):
        towards = _drawn(_pooled(sums, groups), _pooled(rows, groups), _pooled(customers, groups), towards)
    return Process(towards[:, :SIZE], towards[:, SIZE])


def hindsight(panel: Panel, process: Process) -> Floats:
    """Per state (stage, order count): what its customers brought until the panel's end, against what the chain expected of them; drawn to 1.

    Customers differ in more than their states tell. A chain lets them forget it with every step, and so goes wrong the further the longer it looks
    ahead; how much shows over the windows already seen, in the same steps that it was estimated from.
    """
    chain, end = places(panel), panel.step_count
    came, expected = np.zeros(len(STATES)), np.zeros(len(STATES))
    for cut in range(panel.learned_from, end):
        here = chain[:, cut]
        known = here != ABSENT
        state = _STATE_OF[here[known]]
        came += np.bincount(state, panel.spent[known, cut:].sum(axis=1), minlength=len(STATES))
        expected += np.bincount(state, process.values(end - cut)[here[known]], minlength=len(STATES))
    seen = panel.states[:, panel.learned_from : -1]
    customers = customers_by(seen[seen != ABSENT].astype(np.int64), np.nonzero(seen != ABSENT)[0], len(STATES))
    usable = (came > 0.0) & (expected > 0.0)
    ratio = np.where(usable, came / np.where(usable, expected, 1.0), 1.0)
    return np.asarray((customers * ratio + STRENGTH) / (customers + STRENGTH))


def customers_by(state: Places, customer: Places, size: int) -> Floats:
    """How many different customers were seen in each state; `state` and `customer` are of rows."""
    pairs = np.unique(customer * size + state)
    return np.bincount(pairs % size, minlength=size).astype(np.float64)


def _pooled(sums: Floats, groups: Places) -> Floats:
    """Each state's sums replaced by those of all states of its group."""
    size = int(groups.max()) + 1
    pooled = np.zeros((size, *sums.shape[1:]))
    np.add.at(pooled, groups, sums)
    return np.asarray(pooled[groups])


def _drawn(sums: Floats, rows: Floats, customers: Floats, towards: Floats) -> Floats:
    """Means of sums over rows, drawn towards something as by STRENGTH customers; exactly that where there are none."""
    means = sums / np.maximum(rows, 1.0)[:, None]
    return np.asarray((customers[:, None] * means + STRENGTH * towards) / (customers + STRENGTH)[:, None])
