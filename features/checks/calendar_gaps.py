"""Days without an order that the shop's own weekly rhythm does not explain."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.datetime64]
Counts = npt.NDArray[np.float64]

_AROUND_DAYS: Final = 84
_LONGEST_HOLIDAY_DAYS: Final = 4  # Easter, a long weekend: every shop has some
_YEAR_END_DAYS: Final = 14
_ALARM: Final = 0.01  # how often such a gap would be met by chance in a history of this length
_SEASON_DAYS: Final = 21  # feasts that follow the moon wander by so much


@dataclass(frozen=True)
class Gap:
    """Days without any order: the first, and how many."""

    first: np.datetime64
    days: int

    @property
    def last(self) -> np.datetime64:
        """The last day without an order."""
        return self.first + np.timedelta64(self.days - 1, "D")

    def __str__(self) -> str:
        return f"{self.first} to {self.last}, {self.days} days"


def unexplained_gaps(first: np.datetime64, counts: Counts) -> list[Gap]:
    """Gaps that are longer than the rhythm around them explains, oldest first; `counts` are orders per day from `first` on.

    The chance that a day is empty is the largest of the shares of empty ones among the same weekdays of the whole history, of the 12
    weeks before and after, and of the 12 weeks before alone (a young shop is not yet what it will be); a gap's is the product of its
    days'. A gap is left out when such a one is to be expected in the history, when it lasts four days at most, when it is the turn of
    the year (two weeks at most), or when another year has a like one at that time.
    """
    long = [gap for gap in _gaps(first, counts) if gap.days > _LONGEST_HOLIDAY_DAYS]
    odd = [gap for gap in long if not _is_turn_of_year(gap) and len(counts) * _chance(first, counts, gap) < _ALARM]
    return [gap for gap in odd if not any(_is_yearly(gap, other) for other in long)]


def _gaps(first: np.datetime64, counts: Counts) -> list[Gap]:
    empty = np.concatenate(([False], counts == 0, [False]))
    edges = np.flatnonzero(empty[1:] != empty[:-1])
    return [Gap(first + np.timedelta64(int(a), "D"), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _chance(first: np.datetime64, counts: Counts, gap: Gap) -> float:
    begin = int((gap.first - first).astype(int))
    days = np.arange(begin, begin + gap.days)
    every = np.concatenate((np.arange(begin), np.arange(begin + gap.days, len(counts))))
    around = every[(every >= begin - _AROUND_DAYS) & (every < begin + gap.days + _AROUND_DAYS)]
    shares = [_empty_share(counts, part) for part in (every, around, around[around < begin])]
    return float(np.prod(np.max(shares, axis=0)[days % 7]))


def _empty_share(counts: Counts, positions: npt.NDArray[np.int64]) -> Counts:
    """By position in the week; half a day without orders is added, so that nothing is impossible."""
    days = np.bincount(positions % 7, minlength=7)
    empty = np.bincount(positions % 7, weights=counts[positions] == 0, minlength=7)
    share: Counts = (empty + 0.5) / (days + 1)
    return share


def _is_turn_of_year(gap: Gap) -> bool:
    days = gap.first + np.arange(gap.days).astype("timedelta64[D]")
    turn = {"12-25", "01-01"}
    return gap.days <= _YEAR_END_DAYS and any(str(day)[5:] in turn for day in days)


def _is_yearly(gap: Gap, other: Gap) -> bool:
    apart = abs(int((gap.first - other.first).astype(int)))
    distance = min(apart % 365.25, 365.25 - apart % 365.25)
    return apart > 180 and distance <= _SEASON_DAYS and gap.days <= 2 * other.days
