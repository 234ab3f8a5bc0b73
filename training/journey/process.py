"""A Markov reward process over the states: what each is worth over a number of steps, and how it is estimated from a panel.

V_h(s) = r(s) + sum_s' P(s' | s) V_{h-1}(s'), V_0 = 0 (Puterman 1994, Markov Decision Processes, 4.2, with one action in every state). A state of the
chain is (stage, order count, silence): with stage and order count alone it would forget who has been silent for long, and count on them.

Rows of P and r are drawn towards those of all stages with the same order count and silence, these towards those of the silence before, and the
first silence's towards the order count's: the posterior mean under a Dirichlet prior (P), and Buehlmann's credibility with a fixed constant
(r; Buehlmann 1967, ASTIN Bulletin 4), both centred on what the data say of the wider group (empirical Bayes). An order count never falls: so rows
of P are not drawn beyond their order count, r to the shop's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.journey.panel import ABSENT, Panel
from training.journey.states import SILENCES, STAGES_COUNT, STATES

STRENGTH: Final = 20.0  # the wider group counts like this many customers
FADING_STRENGTH: Final = 500.0  # that nothing fades counts like this many customers
MOST_FADING: Final = 0.05
SIZE: Final = len(STATES) * len(SILENCES)
_STATE_OF: Final = np.arange(SIZE) // len(SILENCES)
_BUCKET_OF: Final = _STATE_OF // STAGES_COUNT
_SILENCE_OF: Final = np.arange(SIZE) % len(SILENCES)
_GROUP_OF: Final = _BUCKET_OF * len(SILENCES) + _SILENCE_OF

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
    shop = np.zeros_like(sums)
    shop[:, SIZE] = money.sum() / max(rows.sum(), 1.0)
    shop[:, :SIZE] = _pooled(moves, _BUCKET_OF) / np.maximum(_pooled(rows, _BUCKET_OF), 1.0)[:, None]
    towards = _drawn(_pooled(sums, _BUCKET_OF), _pooled(rows, _BUCKET_OF), _pooled(customers, _BUCKET_OF), shop)
    group_sums, group_rows, group_customers = (_pooled(one, _GROUP_OF) for one in (sums, rows, customers))
    for silence in range(len(SILENCES)):  # who is silent for longer than anybody was seen is like those who were seen longest
        alike = np.flatnonzero(silence == _SILENCE_OF)
        before = towards[alike] if silence == 0 else towards[alike - 1]
        towards[alike] = _drawn(group_sums[alike], group_rows[alike], group_customers[alike], before)
    drawn = _drawn(sums, rows, customers, towards)
    return Process(drawn[:, :SIZE], drawn[:, SIZE])


def hindsight(panel: Panel, process: Process, steps: int) -> Floats:
    """Per state (stage, order count): by how much the chain's money over so many steps is to be multiplied, by what it got wrong in hindsight.

    Customers differ in more than their states tell. A chain lets them forget it with every step, and so goes wrong the more the longer it looks
    ahead (Blumen, Kogan and McCarthy 1955, The Industrial Mobility of Labor as a Probability Process). How much shows in the steps it was estimated from:
    per state what came over the windows seen, against what it expects over them, drawn to 1; and where that ratio falls with the window's
    length, it is taken to fall on as far as asked (for all states alike, drawn to not at all, MOST_FADING a step at most).
    """
    came, expected, lengths = _windows(panel, process)
    seen = panel.states[:, panel.learned_from : -1]
    rows, _ = np.nonzero(seen != ABSENT)
    customers = customers_by(seen[seen != ABSENT].astype(np.int64), rows, len(STATES))
    ratio = _ratio(came.sum(axis=0), expected.sum(axis=0))
    usual = float(np.average(lengths, weights=np.maximum(expected.sum(axis=1), 0.0) / lengths)) if expected.sum() > 0.0 else 1.0
    fading = _fading(_ratio(came.sum(axis=1), expected.sum(axis=1)), lengths, len(np.unique(rows)))
    return np.asarray((customers * ratio + STRENGTH) / (customers + STRENGTH) * np.exp(-fading * max(steps - usual, 0.0)))


def _windows(panel: Panel, process: Process) -> tuple[Floats, Floats, Floats]:
    """What came, and what the chain expects (both windows x states), from each cut-off learned from to the panel's end; the windows' steps."""
    chain, end = places(panel), panel.step_count
    came, expected = [], []
    for cut in range(panel.learned_from, end):
        known = chain[:, cut] != ABSENT
        here = chain[known, cut]
        came.append(np.bincount(_STATE_OF[here], panel.spent[known, cut:].sum(axis=1), minlength=len(STATES)))
        expected.append(np.bincount(_STATE_OF[here], process.values(end - cut)[here], minlength=len(STATES)))
    return np.array(came), np.array(expected), np.arange(end - panel.learned_from, 0, -1).astype(np.float64)


def _ratio(came: Floats, expected: Floats) -> Floats:
    usable = (came > 0.0) & (expected > 0.0)
    return np.where(usable, came / np.where(usable, expected, 1.0), 1.0)


def _fading(ratio: Floats, lengths: Floats, customers: int) -> float:
    """By how much the logarithm of the ratio falls per step; 0 where it rises. A line through no fall at a single step, by least squares."""
    beyond = lengths - 1.0
    if not beyond.any():
        return 0.0
    slope = float((np.log(ratio) * beyond).sum() / (beyond**2).sum()) * customers / (customers + FADING_STRENGTH)
    return min(max(-slope, 0.0), MOST_FADING)


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
