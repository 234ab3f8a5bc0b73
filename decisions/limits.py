"""Limits: how often the shop may contact a customer, when it is silent, what an action may take from the shop, and when it must pause."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

from decisions.actions import Catalogue
from decisions.channels import CHANNELS
from decisions.limits_form import EVERY_PUSHED, LimitForm, LimitsForm, clock_hours
from decisions.reading import Document, Part, read_document
from features.contract import NO_ACTION

DEFAULT_LIMITS: Final = Path(__file__).with_name("default_limits.yaml")
WINDOW_DAYS: Final = {"day": 1, "week": 7, "month": 30}

__all__ = ["DEFAULT_LIMITS", "EVERY_PUSHED", "Budget", "Limit", "Limits", "QuietHours", "Suppression", "limits_of", "load_limits"]


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
    """Contact limits per channel, one over all pushed channels together, per group and per action; quiet hours; budgets; suppression.

    `text` is the YAML it was read from; `warnings` are sentences for whoever loads it.
    """

    contacts: Mapping[str, Limit] = field(default_factory=dict)
    groups: Mapping[str, Limit] = field(default_factory=dict)
    actions: Mapping[str, Limit] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    suppression: Suppression = Suppression()
    text: str = ""
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> str:
        """Changes with any change of content; not with comments and the order of keys."""
        content = {name: value for name, value in asdict(self).items() if name not in ("text", "warnings")}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=sorted).encode()).hexdigest()[:12]


def load_limits(path: Path | None = None, *, catalogue: Catalogue | None = None) -> Limits:
    """The limits in the YAML file at `path`, or the default ones, for this catalogue.

    The key `every_pushed_channel` counts all channels together by which the shop interrupts. Raises InputError, with the line, for what cannot be
    used: also for a channel, group or action that the catalogue does not have, unless it came with the default file; that is a warning. Without a
    catalogue the channels are the usual ones, and groups and actions may be called anything.
    """
    return limits_of(read_document(path or DEFAULT_LIMITS), catalogue=catalogue)


def limits_of(document: Document, *, catalogue: Catalogue | None = None) -> Limits:
    """The limits that an already read document holds; see `load_limits`."""
    form = LimitsForm.of(document)
    whole = Part(document)
    warnings = _check_names(whole, form, catalogue)
    return Limits(
        contacts=_limits(form.contacts),
        groups=_limits(form.groups),
        actions=_limits(form.actions),
        quiet_hours=_quiet(whole, form, CHANNELS if catalogue is None else tuple(catalogue.channels)),
        budgets={action: _budget(whole, form, action) for action in form.budgets},
        suppression=Suppression(**form.suppression.model_dump()),
        text=document.text,
        warnings=warnings,
    )


def _check_names(whole: Part, form: LimitsForm, catalogue: Catalogue | None) -> tuple[str, ...]:
    channels = CHANNELS if catalogue is None else tuple(catalogue.channels)
    for channel in form.contacts:
        more = f", or {EVERY_PUSHED} for all together; a catalogue adds others under its key channels"
        whole.require("channel", channel, (EVERY_PUSHED, *channels), "contacts", channel, more=more)
    if catalogue is None:
        return ()
    actions = [action.action_id for action in catalogue.actions if action.action_id != NO_ACTION]
    asked = (
        ("group", "groups", form.groups, tuple(catalogue.groups)),
        ("action", "actions", form.actions, actions),
        ("action", "budgets", form.budgets, actions),
    )
    unmet = [(what, key, name) for what, key, given, known in asked for name in given if name not in known]
    default = LimitsForm.of(read_document(DEFAULT_LIMITS)) if unmet else form
    for what, key, name in unmet:
        if getattr(form, key)[name] != getattr(default, key).get(name):
            known = next(known for _, other, _, known in asked if other == key)
            whole.require(what, name, known, key, name)
    return tuple(
        f"{whole.document.where(key, name)}: {key}: the catalogue has no {what} {name!r}: this counts nothing." for what, key, name in unmet
    )


def _limits(given: Mapping[str, LimitForm]) -> dict[str, Limit]:
    return {name: Limit(**limit.model_dump()) for name, limit in given.items()}


def _quiet(whole: Part, form: LimitsForm, channels: tuple[str, ...]) -> QuietHours | None:
    given = form.quiet_hours
    if given is None:
        return None
    for place, channel in enumerate(given.channels):
        whole.require("channel", channel, channels, "quiet_hours", "channels", place)
    begins, ends = clock_hours(given.from_), clock_hours(given.until)
    if begins == ends:
        remedy = 'Name two different times, as from: "21:00", until: "08:00"; a channel that is always silent is one that no action uses.'
        raise whole.error("they begin when they end", remedy, "quiet_hours", "until")
    return QuietHours(begins, ends, frozenset(given.channels))


def _budget(whole: Part, form: LimitsForm, action: str) -> Budget:
    given = form.budgets[action]
    if given.contacts is None and given.money is None:
        raise whole.error("it limits nothing", "Add contacts, money, or both.", "budgets", action)
    return Budget(**given.model_dump())
