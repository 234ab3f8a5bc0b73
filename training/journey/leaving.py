"""What a shop loses when somebody unsubscribes: the share of their worth that does not come any more."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.journey.panel import ABSENT, Panel
from training.journey.states import STATES

PRIOR_SHARE: Final = 0.3
PRIOR_CUSTOMERS: Final = 200.0  # the prior counts like this many who unsubscribed


def leaving_share(panel: Panel, *, steps: int) -> tuple[float, float]:
    """(share, customers): the share of money lost after an unsubscription, 0 to 1, and how many who unsubscribed it was learned from.

    Who unsubscribed within a step is compared with those who were in the same state at its beginning and had not unsubscribed at its end (risk-set
    matching; Li, Propert and Rosenbaum 2001, JASA 96): the money from its end on, over at most `steps` steps. The share is 1 - money of the
    former / money expected by the latter, drawn to PRIOR_SHARE; a prior without anybody to compare. It is confounded, either way: who unsubscribes
    may have been about to leave anyway, or reads more letters than others because they buy more, and the state tells this only in part.
    """
    came, expected, count = 0.0, 0.0, 0
    summed = np.concatenate([np.zeros((len(panel.spent), 1)), panel.spent.cumsum(axis=1)], axis=1)
    for step in range(panel.step_count - 1):
        until = min(step + 1 + steps, panel.step_count)
        after = summed[:, until] - summed[:, step + 1]
        own, theirs, n = _compared(panel, step, after)
        came, expected, count = came + own, expected + theirs, count + n
    share = min(max(1.0 - came / expected, -1.0), 1.0) if expected > 0.0 else PRIOR_SHARE
    weight = count / (count + PRIOR_CUSTOMERS) if expected > 0.0 else 0.0
    return min(max(weight * share + (1.0 - weight) * PRIOR_SHARE, 0.0), 1.0), float(count)


def _compared(panel: Panel, step: int, after: NDArray[np.float64]) -> tuple[float, float, int]:
    """Money after the step of those who unsubscribed in it, what their matches let expect, and how many were matched."""
    state = panel.states[:, step].astype(int)
    present = state != ABSENT
    leaves = present & (panel.unsubscribed_in == step)
    stays = present & (panel.unsubscribed_in > step)
    if not leaves.any():
        return 0.0, 0.0, 0
    matches = np.bincount(state[stays], minlength=len(STATES))
    means = np.bincount(state[stays], after[stays], minlength=len(STATES)) / np.maximum(matches, 1)
    matched = leaves & (matches[np.where(present, state, 0)] > 0)
    return float(after[matched].sum()), float(means[state[matched]].sum()), int(matched.sum())
