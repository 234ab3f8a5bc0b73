"""Weeks whose volume is far from the weeks before: sudden drops and jumps, robustly."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.checks.calendar_gaps import Counts

Flags = npt.NDArray[np.bool_]

_WEEKS_BEFORE: Final = 8
_FEWEST_BEFORE: Final = 4
_FACTOR: Final = 3.0
_SPREADS: Final = 5.0
_FEWEST: Final = 30.0  # below this many a week, three times more or less is chance
_MAD_TO_STD: Final = 1.4826


@dataclass(frozen=True)
class Surge:
    """A week (its first day), how much happened in it, and how much is usual."""

    first: np.datetime64
    count: float
    usual: float

    @property
    def is_drop(self) -> bool:
        """Less than usual, not more."""
        return self.count < self.usual


def odd_weeks(first: np.datetime64, counts: Counts, closed: Flags) -> list[Surge]:
    """Weeks under a third or over three times the median of the eight before, oldest first; `counts` are per day from `first` on.

    Weeks are counted back from the day before the newest, which may be half a day. A week with more `closed` days than usual is
    scaled up by its open ones, and one without any open day is not judged. An odd week also lies five robust standard deviations (of
    the log ratios of all weeks) away, and the larger of both counts is thirty at least. The first four weeks are not judged.
    """
    whole = (len(counts) - 1) // 7
    if whole <= _FEWEST_BEFORE:
        return []
    begins = len(counts) - 1 - 7 * whole + 7 * np.arange(whole)
    weeks = _weekly(counts[begins[0] : -1], closed[begins[0] : -1])
    usual = np.full(whole, np.nan)
    for i in range(_FEWEST_BEFORE, whole):
        before = weeks[max(0, i - _WEEKS_BEFORE) : i]
        usual[i] = np.median(before[~np.isnan(before)]) if (~np.isnan(before)).sum() >= _FEWEST_BEFORE else np.nan
    ratio = np.log((weeks + 1) / (usual + 1))
    known = ratio[~np.isnan(ratio)]
    spread = _MAD_TO_STD * float(np.median(np.abs(known - np.median(known)))) if len(known) else 0.0
    odd = (np.abs(ratio) > max(np.log(_FACTOR), _SPREADS * spread)) & (np.fmax(weeks, usual) >= _FEWEST)
    return [Surge(first + np.timedelta64(int(begins[i]), "D"), float(weeks[i]), float(usual[i])) for i in np.flatnonzero(odd)]


def _weekly(counts: Counts, closed: Flags) -> Counts:
    """Sums of whole weeks, as if each had as many open days as is usual; not a number for a week without any."""
    opened = (~closed).reshape(-1, 7).sum(axis=1).astype("float64")
    scale = np.divide(np.median(opened), opened, out=np.full(len(opened), np.nan), where=opened > 0)
    weeks: Counts = counts.reshape(-1, 7).sum(axis=1) * np.maximum(scale, 1.0)
    return weeks
