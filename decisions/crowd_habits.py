"""The habits of many customers together, a column of all of them at a time: what `decisions.own_habits` finds for each, summed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisions.contact_time import HOUR_US, HOURS, local_microseconds
from decisions.own_habits import (
    CAME,
    CHANNELS,
    DID,
    OTHER,
    SALE_KIND,
    SENT,
    VISIT_WEEKS,
    WEEK_US,
    WITHIN_US,
    Habits,
    answers_to,
    event_kind,
    visits_key,
)
from decisions.situation import Contact
from features.crowds import Crowd, Ints, distinct
from features.instants import DAY_US, microseconds


def crowd_habits(
    crowd: Crowd, contacts: Mapping[int, Sequence[Contact]], as_of: datetime, timezones: Sequence[str], shop_timezone: str
) -> Habits:
    """The sum of `decisions.own_habits.habits` over these customers as of a time.

    `contacts` are those of who has any, by their place in the crowd; `timezones` are all customers'.
    """
    now = microseconds(as_of)
    kind = _event_kinds(crowd, now)
    hours = _hours(crowd, kind, now, timezones, shop_timezone)
    return Habits(hours, _visits(crowd, kind, now)).plus(_answers(crowd, contacts, as_of, kind))


def _event_kinds(crowd: Crowd, now: int) -> NDArray[np.int8]:
    types, events = crowd.names["event_types"], crowd.events
    known = {name: event_kind(name) for name in set(types.names)}
    kinds = np.array([known[name] for name in types.names], np.int8)
    found = kinds[types.places(events.owners(), events.columns["type"])]
    found[(events.columns["known_at"] >= now) | (events.columns["at"] < now - WITHIN_US)] = OTHER
    return found


def _hours(crowd: Crowd, kind: NDArray[np.int8], now: int, timezones: Sequence[str], shop_timezone: str) -> tuple[float, ...]:
    lines, did = crowd.lines.columns, kind >= DID
    bought = (lines["kind"] == SALE_KIND) & (lines["at"] < now) & (lines["at"] >= now - WITHIN_US)
    at = np.concatenate([lines["at"][bought], crowd.events.columns["at"][did]])
    owner = np.concatenate([crowd.lines.owners()[bought], crowd.events.owners()[did]])
    names = list(dict.fromkeys(timezones))
    zone = np.array([names.index(name) for name in timezones] if len(names) > 1 else [0] * len(timezones), np.int64)[owner]
    counts = np.zeros(HOURS)
    for place, name in enumerate(names):
        own = slice(None) if len(names) == 1 else zone == place
        counts += _hours_of_zone(at[own], owner[own], name, shop_timezone)
    return tuple(counts.tolist())


def _hours_of_zone(at: Ints, owner: Ints, timezone: str, shop_timezone: str) -> NDArray[np.int64]:
    local = local_microseconds(at, timezone)
    timed = (at % DAY_US != 0) & (local % DAY_US != 0)
    if shop_timezone != timezone:
        timed &= local_microseconds(at, shop_timezone) % DAY_US != 0
    hour = local[timed] // HOUR_US
    first = hour.min(initial=0)
    span = int(hour.max(initial=0) - first) + 1
    visits = distinct(owner[timed] * span + (hour - first))
    return np.bincount((visits % span + first) % HOURS, minlength=HOURS)


def _visits(crowd: Crowd, kind: NDArray[np.int8], now: int) -> dict[str, tuple[float, float]]:
    """Weeks with a visit per channel, of the last ones of every customer who came there in them."""
    came = kind >= CAME
    at, channel = crowd.events.columns["at"][came], kind[came].astype(np.int64) - CAME
    placed_at, placed_in, buyer = _placed(crowd, now)
    weeks = (now - np.concatenate([at, placed_at])) // WEEK_US
    owner = np.concatenate([crowd.events.owners()[came], buyer])
    recent = weeks < VISIT_WEEKS
    visits = distinct(((np.concatenate([channel, placed_in]) * len(crowd) + owner) * VISIT_WEEKS + weeks)[recent])
    visitors = distinct(visits // VISIT_WEEKS) // max(len(crowd), 1)
    counts, customers = (np.bincount(each, minlength=len(CHANNELS)) for each in (visits // VISIT_WEEKS // max(len(crowd), 1), visitors))
    return {
        visits_key(name): (float(VISIT_WEEKS * customers[place]), float(counts[place]))
        for place, name in enumerate(CHANNELS)
        if counts[place]
    }


def _placed(crowd: Crowd, now: int) -> tuple[Ints, Ints, Ints]:
    """Of lines that were ordered at a channel of visits: instant, channel as its place in CHANNELS, customer."""
    lines, own = crowd.lines, crowd.names["channels"]
    owners = lines.owners()
    known: dict[str, Any] = {name: place for place, name in enumerate(CHANNELS)}
    place = np.array([*(known.get(name, -1) for name in own.names), -1], np.int64)[own.places(owners, lines.columns["channel"])]
    there = (place >= 0) & (lines.columns["at"] < now)
    return lines.columns["at"][there], place[there], owners[there]


def _answers(crowd: Crowd, contacts: Mapping[int, Sequence[Contact]], as_of: datetime, kind: NDArray[np.int8]) -> Habits:
    """Of those who were contacted, one by one."""
    mailed = distinct(crowd.events.owners()[kind == SENT]).tolist()
    found = Habits()
    for place in sorted(contacts.keys() | set(mailed)):
        own = slice(int(crowd.events.bounds[place]), int(crowd.events.bounds[place + 1]))
        found = found.plus(Habits(answers=answers_to(contacts.get(place, ()), as_of, crowd.events.columns["at"][own], kind[own])))
    return found
