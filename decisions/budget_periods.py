"""When the period of a budget began: days, weeks (from Monday) and months of the shop's calendar, or ever."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from decisions.limits import Budget

MILLION: Final = 1_000_000
EVER: Final = datetime(1970, 1, 1)


def period_start(budget: Budget, at: datetime, timezone: str) -> datetime:
    """The instant (naive UTC) at which the budget's period around `at` (naive UTC) began on the shop's clock."""
    if budget.per == "ever":
        return EVER
    zone = ZoneInfo(timezone)
    day = at.replace(tzinfo=UTC).astimezone(zone).date()
    if budget.per == "week":
        day -= timedelta(days=day.weekday())
    if budget.per == "month":
        day = day.replace(day=1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def charged(cost: float) -> float:
    """What a contact of this cost takes from a budget: whole millionths of the currency's unit, as budgets are counted, rounded up."""
    return math.ceil(round(cost * MILLION, 3)) / MILLION
