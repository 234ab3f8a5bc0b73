"""Which blend of members a churn model takes: what usually wins with so many customers, unless the backtest clearly says otherwise.

Blends differ by less than a backtest of one shop can tell, so the best of nine by its figures alone is often the luckiest. The usual one
gives way to a candidate that is better by more than MARGIN standard errors (Breiman et al. (1984), Classification and Regression Trees,
section 3.4.3, the other way round), and does not rank worse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.churn_members import BG_NBD, LOGISTIC, PARETO_NBD, TREES

Floats = NDArray[np.float64]
NAIVE: Final = "base rate"
CANDIDATES: Final[Mapping[str, Mapping[str, float]]] = {
    "logistic on RFM": {LOGISTIC: 1.0},
    "BG/NBD": {BG_NBD: 1.0},
    "Pareto/NBD": {PARETO_NBD: 1.0},
    "LightGBM": {TREES: 1.0},
    "logistic + BG/NBD": {LOGISTIC: 1.0, BG_NBD: 1.0},
    "logistic + Pareto/NBD": {LOGISTIC: 1.0, PARETO_NBD: 1.0},
    "LightGBM + logistic": {TREES: 3.0, LOGISTIC: 1.0},
    "LightGBM + logistic + BG/NBD": {TREES: 3.0, LOGISTIC: 1.0, BG_NBD: 1.0},
    "LightGBM + logistic + Pareto/NBD": {TREES: 3.0, LOGISTIC: 1.0, PARETO_NBD: 1.0},
}
USUAL: Final = ((300, "logistic + BG/NBD"), (1_500, "LightGBM + logistic + BG/NBD"), (float("inf"), "LightGBM + logistic"))
"""The usual blend below so many customers. On real shops, drawn down to fewer customers: docs/churn.md."""
MARGIN: Final = 1.0
AUC_GUARD: Final = 0.003


@dataclass(frozen=True)
class Found:
    """What a backtest says of a candidate: the squared error of every customer that counts, test by test, and the mean AUC."""

    losses: Sequence[Floats]
    auc: float

    @property
    def brier(self) -> float:
        """The mean over tests of their mean squared error."""
        return float(np.mean([part.mean() for part in self.losses]))


@dataclass(frozen=True)
class Choice:
    """The chosen candidate's name, and why it was."""

    name: str
    why: str


def choose(found: Mapping[str, Found], *, customers: int) -> Choice:
    """One of `found`, which all saw the same customers at the same tests."""
    usual = _usual(found, customers)
    best = min(found, key=lambda name: found[name].brier)
    _, error = _gain(found[best], found[usual])
    said = f"Brier score {found[best].brier:.4f} against {found[usual].brier:.4f}, standard error of the difference {error:.4f}"
    if best == usual:
        return Choice(usual, f"{usual}: the usual choice for {customers:,} customers, and the best of the backtest.")
    if not clearly_better(found[best], found[usual]):
        return Choice(usual, f"{usual}: the usual choice for {customers:,} customers; {best} is not clearly better ({said}).")
    if found[best].auc < found[usual].auc - AUC_GUARD:
        return Choice(usual, f"{usual}: {best} has the smaller error ({said}), but ranks worse.")
    return Choice(best, f"{best}: clearly better than the usual {usual} ({said}).")


def clearly_better(one: Found, other: Found, *, margin: float = MARGIN) -> bool:
    """Whether the first one's error is smaller by more than `margin` standard errors; both saw the same customers at the same tests."""
    gain, error = _gain(one, other)
    return gain > margin * error


def _usual(found: Mapping[str, Found], customers: int) -> str:
    """The usual choice for so many customers, or a plainer one where its members could not be fitted."""
    named = [name for limit, name in USUAL if customers < limit]
    return next((name for name in (*named, *(name for _, name in reversed(USUAL))) if name in found), next(iter(found)))


def _gain(one: Found, other: Found) -> tuple[float, float]:
    """By how much the first one's error is smaller, and the standard error of that, over customers and over tests."""
    means = np.array([b.mean() - a.mean() for a, b in zip(one.losses, other.losses, strict=True)])
    within = [np.var(b - a) / len(a) for a, b in zip(one.losses, other.losses, strict=True)]
    by_customers = float(np.sum(within)) / len(means) ** 2
    by_tests = float(np.var(means, ddof=1)) / len(means) if len(means) > 1 else 0.0
    return float(means.mean()), float(np.sqrt(max(by_customers, by_tests)))
