"""The forms of the limits' YAML: which keys there are, of which kind, within which bounds."""

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from decisions.reading import Form

EVERY_PUSHED: Final = "every_pushed_channel"
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

Count = Annotated[int, Field(ge=0)]


def clock_hours(text: str) -> float:
    """The time of day in hours: 21.5 for 21:30."""
    hours, minutes = text.split(":")
    return int(hours) + int(minutes) / 60


def _time_of_day(given: object) -> object:
    """YAML reads a bare 21:00 as the number 1260."""
    if isinstance(given, int) and not isinstance(given, bool) and 60 <= given < 1440:
        told = f"{given // 60:02d}:{given % 60:02d}"
        raise PydanticCustomError("bare_time", 'YAML reads a bare {told} as a number; write it in quotes: "{told}"', {"told": told})
    if not isinstance(given, str) or not _CLOCK.fullmatch(given):
        raise PydanticCustomError("no_time", '{told} is no time of day; write it as "21:00"', {"told": repr(given)})
    return given


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]


class LimitForm(Form):
    """One limit."""

    day: Count | None = None
    week: Count | None = None
    month: Count | None = None


class QuietHoursForm(Form):
    """When the shop is silent."""

    from_: TimeOfDay = Field(alias="from")
    until: TimeOfDay
    channels: Annotated[list[str], Field(min_length=1)]


class BudgetForm(Form):
    """What one action may take."""

    per: Literal["day", "week", "month", "ever"]
    contacts: Count | None = None
    money: Annotated[float, Field(ge=0)] | None = None


class SuppressionForm(Form):
    """When to pause."""

    rejected_count: Annotated[int, Field(ge=1)] = 2
    within_days: Annotated[int, Field(ge=1)] = 60


class LimitsForm(Form):
    """The whole file."""

    contacts: dict[str, LimitForm] = Field(default_factory=dict)
    groups: dict[str, LimitForm] = Field(default_factory=dict)
    actions: dict[str, LimitForm] = Field(default_factory=dict)
    quiet_hours: QuietHoursForm | None = None
    budgets: dict[str, BudgetForm] = Field(default_factory=dict)
    suppression: SuppressionForm = SuppressionForm()
