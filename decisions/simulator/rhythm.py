"""When things happen: the season over the year, and the rhythm of weekdays and hours within a week.

A week's rhythm is a density over its 168 hours. Its cumulative share is piecewise linear, so a stretch of a week maps to a
share of the week's activity and back: a customer who is there for half of a week gets that half's share, and its hours.
The device is the time change of an inhomogeneous Poisson process (Cinlar 1975, Introduction to Stochastic Processes, ch. 4.7).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEEK_DAYS = 7
_HOURS = np.array([1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 9, 10, 11, 9, 8, 8, 8, 9, 11, 13, 14, 12, 7, 3], dtype=np.float64)
_WEEKDAYS = np.array([0.95, 0.9, 0.95, 1.0, 1.15, 1.2, 0.85])
_DAY_OF_YEAR_PEAKS = ((30.0, 12.0, 0.35), (334.0, 18.0, 0.5))
"""Lunar new year and the weeks before Christmas: day of the year, width in days, height above the plain level."""


@dataclass(frozen=True)
class Period:
    """The simulated time: [start, end), its length in days and the times in days since start at which its weeks begin."""

    start: datetime
    end: datetime

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end - self.start) / timedelta(days=1)

    @property
    def weeks(self) -> Floats:
        """Beginning of each week, in days since start; the last week may be cut short."""
        return np.arange(0.0, self.days, WEEK_DAYS)

    def season(self, at_days: Floats) -> Floats:
        """Factor on all activity at these times (days since start); its mean over a year is 1 (to a hundredth)."""
        first = (self.start - datetime(self.start.year, 1, 1)) / timedelta(days=1)
        day = (first + at_days) % 365.25
        level = _season_level(day)
        return level / float(_season_level(np.arange(0.0, 365.25, 0.25)).mean())

    def share_of_week(self, within_days: Floats) -> Floats:
        """Share of a week's activity that has passed this many days (0 to 7) into it."""
        return np.interp(within_days, *self._week())

    def days_into_week(self, share: Floats) -> Floats:
        """The inverse of share_of_week."""
        days, shares = self._week()
        return np.interp(share, shares, days)

    def _week(self) -> tuple[Floats, Floats]:
        weights = np.outer(_WEEKDAYS, _HOURS).ravel()
        offset = self.start.weekday() * 24 + self.start.hour
        shares = np.concatenate([[0.0], np.cumsum(np.roll(weights, -offset))])
        return np.arange(169) / 24.0, shares / shares[-1]


def period(start: datetime, months: int) -> Period:
    """The period of this many calendar months from start."""
    return Period(start, (pd.Timestamp(start) + pd.DateOffset(months=months)).to_pydatetime())


def _season_level(day: Floats) -> Floats:
    level = 1.0 + 0.08 * np.cos(2 * np.pi * (day - 345.0) / 365.25)
    for peak, width, height in _DAY_OF_YEAR_PEAKS:
        distance = np.abs(day - peak)
        distance = np.minimum(distance, 365.25 - distance)
        level = level + height * np.exp(-0.5 * (distance / width) ** 2)
    return level
