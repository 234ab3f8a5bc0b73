"""The gate: may this version become champion? Decided on a backtest, by paired losses of the same customers, and said in words.

A loss is per customer (or per customer and cut-off), lower is better: squared error of a probability, 1 - NDCG of a list. Worse means:
the mean paired difference is above zero by more than 1.645 of its standard errors (one-sided 95 %).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Z: Final = 1.645
FEW: Final = 50  # below this many rows a backtest says too little to refuse a model


@dataclass(frozen=True)
class Verdict:
    """Whether the version becomes champion, and why or why not."""

    promoted: bool
    why: str


@dataclass(frozen=True)
class Difference:
    """Mean paired difference of losses, its standard error, and the number of rows."""

    mean: float
    standard_error: float
    count: int

    @property
    def worse(self) -> bool:
        """Above zero by more than noise."""
        return self.mean > Z * self.standard_error and self.mean > 0.0

    def __str__(self) -> str:
        return f"{self.mean:+.4f} (standard error {self.standard_error:.4f}, {self.count:,} rows)"


def difference(losses: NDArray[np.float64], rival: NDArray[np.float64]) -> Difference:
    """Paired difference of mean losses, candidate minus rival; no rows give 0 with a standard error of 0."""
    d = np.asarray(losses, float) - np.asarray(rival, float)
    if len(d) == 0:
        return Difference(0.0, 0.0, 0)
    spread = float(d.std(ddof=1)) if len(d) > 1 else float("inf")
    return Difference(float(d.mean()), spread / float(np.sqrt(len(d))), len(d))


def without_champion(losses: NDArray[np.float64], naive: NDArray[np.float64], *, measure: str, rival: str) -> Verdict:
    """The first version: it must beat the naive rival, or equal it within noise; too few rows to tell let it pass, and say so."""
    d = difference(losses, naive)
    if d.count < FEW:
        return Verdict(True, f"Promoted without proof: the backtest has {d.count} rows, too few to compare with {rival}.")
    if d.mean < 0.0:
        return Verdict(True, f"Promoted: it beats {rival}, {measure} {d}.")
    if not d.worse:
        return Verdict(True, f"Promoted: it equals {rival} within noise, {measure} {d}; more history may show a difference.")
    return Verdict(False, f"Not promoted: it is worse than {rival}, {measure} {d}.")


def against_champion(
    losses: NDArray[np.float64], naive: NDArray[np.float64], champion: NDArray[np.float64], *, measure: str, rival: str
) -> Verdict:
    """A later version: it must pass as a first one, and not be worse than the present champion on the same rows beyond noise."""
    first = without_champion(losses, naive, measure=measure, rival=rival)
    if not first.promoted:
        return first
    d = difference(losses, champion)
    if d.count < FEW:
        return Verdict(True, f"Promoted without proof: the backtest has {d.count} rows, too few to compare with the present champion.")
    if d.worse:
        return Verdict(False, f"Not promoted: it is worse than the present champion, {measure} {d}.")
    return Verdict(True, f"Promoted: it is not worse than the present champion, {measure} {d}.")


def unproven(count: int) -> Verdict:
    """A later version without a backtest to speak of, where the present champion has one."""
    return Verdict(False, f"Not promoted: its backtest has {count} rows, too few to stand against a champion that has proof.")


def against_record(losses: NDArray[np.float64], naive: NDArray[np.float64], skill: float, *, measure: str, rival: str) -> Verdict:
    """A later version where the champion has already seen the backtest's answers: skills on their own backtests are compared.

    Skill is 1 - mean loss / mean naive loss; `skill` is the champion's, as it was recorded.
    """
    if len(losses) < FEW:
        return unproven(len(losses))
    first = without_champion(losses, naive, measure=measure, rival=rival)
    if not first.promoted:
        return first
    own = 1.0 - float(np.mean(losses)) / float(np.mean(naive))
    noise = Z * difference(losses, naive).standard_error / float(np.mean(naive))
    said = f"skill {own:.3f} against the present champion's recorded {skill:.3f} (noise {noise:.3f})"
    if own < skill - noise:
        return Verdict(False, f"Not promoted: its backtest went worse, {said}.")
    return Verdict(True, f"Promoted: its backtest went no worse, {said}.")
