"""Contact limits and suppression: how often the shop may interrupt a customer, and when it must pause. From YAML."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from decisions.channels import CHANNELS
from decisions.reading import Document, Form, read_document
from features.errors import InputError
from features.nearest import nearest

DEFAULT_LIMITS: Final = Path(__file__).with_name("default_limits.yaml")
EVERY_PUSHED: Final = "every_pushed_channel"
WINDOW_DAYS: Final = {"day": 1, "week": 7, "month": 30}

Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Limit:
    """How many contacts fit into the last 24 hours, 7 days and 30 days; None is no limit."""

    day: int | None = None
    week: int | None = None
    month: int | None = None

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """(days, most contacts) of each limit that is set."""
        each = ((WINDOW_DAYS["day"], self.day), (WINDOW_DAYS["week"], self.week), (WINDOW_DAYS["month"], self.month))
        return tuple((days, most) for days, most in each if most is not None)


@dataclass(frozen=True)
class QuietHours:
    """From when until when, on the customer's clock in hours, these channels are silent; from 21 until 8 goes over midnight."""

    begins: float
    ends: float
    channels: frozenset[str]


@dataclass(frozen=True)
class Budget:
    """What an action may take from the shop per day, week (from Monday), month (the shop's calendar) or ever: contacts, money, or both."""

    per: Literal["day", "week", "month", "ever"]
    contacts: int | None = None
    money: float | None = None


@dataclass(frozen=True)
class Suppression:
    """So many rejected contacts within so many days pause an action, and its group."""

    rejected_count: int = 2
    within_days: int = 60


@dataclass(frozen=True)
class Limits:
    """Contact limits per channel, one over all pushed channels together, per group and per action; quiet hours; budgets; suppression."""

    contacts: Mapping[str, Limit] = field(default_factory=dict)
    groups: Mapping[str, Limit] = field(default_factory=dict)
    actions: Mapping[str, Limit] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    suppression: Suppression = Suppression()
    text: str = ""

    @property
    def digest(self) -> str:
        """Changes with any change of content."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=sorted).encode()).hexdigest()[:12]


class LimitForm(Form):
    """One limit."""

    day: Count | None = None
    week: Count | None = None


class SuppressionForm(Form):
    """When to pause."""

    rejected_count: Annotated[int, Field(ge=1)] = 2
    within_days: Annotated[int, Field(ge=1)] = 60


class LimitsForm(Form):
    """The whole file."""

    contacts: dict[str, LimitForm] = Field(default_factory=dict)
    suppression: SuppressionForm = SuppressionForm()


def load_limits(path: Path | None = None, *, channels: Collection[str] = CHANNELS) -> Limits:
    """The limits in the YAML file at `path`, or the default ones, for these known channels (a catalogue may add its own).

    The key `every_pushed_channel` counts all channels together by which the shop interrupts. Raises InputError, with the line, for what cannot be used.
    """
    return limits_of(read_document(path or DEFAULT_LIMITS), channels=channels)


def limits_of(document: Document, *, channels: Collection[str] = CHANNELS) -> Limits:
    """The limits that an already read document holds; see `load_limits`."""
    form = LimitsForm.of(document)
    known = (EVERY_PUSHED, *channels)
    for channel in form.contacts:
        if channel not in known:
            problem = f"{document.where('contacts', channel)}: contacts: the channel {channel!r} is not known."
            raise InputError(
                problem, remedy=f"The nearest known is {nearest(channel, known)!r}; a catalogue adds others under its key channels."
            )
    contacts = {channel: Limit(**limit.model_dump()) for channel, limit in form.contacts.items()}
    return Limits(contacts, Suppression(**form.suppression.model_dump()))
