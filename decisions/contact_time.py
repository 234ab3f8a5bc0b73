"""When to contact each customer: at the hours of their own day at which they are usually there, never in quiet hours.

Rows of arrays are customers, columns are the 24 hours of a day. As in `decisions.channel_choice`, a customer's answer is the same to the last
bit alone and among many.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

import numpy as np
from numpy.typing import NDArray

from decisions.remarks import Remark
from features.instants import DAY_US, EPOCH, microseconds
from features.local_time import zone

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

HOURS: Final = 24
HOUR_US: Final = DAY_US // HOURS
KERNEL: Final = {0: 3 / 9, -1: 2 / 9, 1: 2 / 9, -2: 1 / 9, 2: 1 / 9}
"""Weight by shift in hours: a triangle over two hours before and after. It goes round the clock: 23 h is next to 0 h."""
SHOP_VISITS: Final = 5.0
"""So many visits the shop's hours count among a customer's own: five of one's own outweigh those of all others."""
GOOD_SHARE: Final = 0.6
"""An hour is good from this share of the best allowed hour's visits on. Below 2/3: with all visits at 20 h, 19 and 21 h are good, too."""
NEVER: Final = np.inf


def checked_timezone(name: object) -> str:
    """The name where it is one of the time zone database (Asia/Ho_Chi_Minh); "" where it is not, or empty."""
    return name if isinstance(name, str) and name in _timezones() else ""


def timezone_of(profile: Mapping[str, Any]) -> str:
    """The customer's time zone by their profile's column `timezone`; "" (the shop's) where it is missing or unknown."""
    return checked_timezone(profile.get("timezone"))


def timezone_remark(profile: Mapping[str, Any]) -> Remark | None:
    """That the profile names a time zone that nobody knows, so that the shop's is used; None where it does not."""
    name = profile.get("timezone")
    told = isinstance(name, str) and name.strip() != ""
    return Remark("timezone_unknown", {"timezone": str(name)}) if told and not checked_timezone(name) else None


def local_microseconds(at: NDArray[np.int64], timezone: str) -> NDArray[np.int64]:
    """The clock's time of instants in a zone, both in microseconds; ZoneInfoNotFoundError for no zone."""
    starts, offsets = _steps(timezone)
    place = 0 if len(offsets) == 1 else np.maximum(np.searchsorted(starts, at, side="right") - 1, 0)
    found: NDArray[np.int64] = at + offsets[place]
    return found


def local_hour(as_of: datetime, timezone: str) -> float:
    """The same hour as `local_hours` finds, of one."""
    known, at = zone(timezone), microseconds(as_of)
    return (at + known.offsets[max(bisect_right(known.starts, at) - 1, 0)]) % DAY_US / HOUR_US


def local_hours(as_of: Sequence[datetime], timezones: Sequence[str]) -> Floats:
    """(N,): the hour of the day with its fraction, 0 <= hour < 24, that clocks in these zones show at these instants (naive UTC)."""
    at = np.array([microseconds(each) for each in as_of], np.int64)
    names = np.asarray(timezones, object)
    local = np.empty(len(at), np.int64)
    for name in dict.fromkeys(timezones):
        own = names == name
        local[own] = local_microseconds(at[own], name)
    return (local % DAY_US) / float(HOUR_US)


def hour_shares(hours: Floats, shop_hours: Floats) -> Floats:
    """(N, 24): of a visit of each customer, the probability that it falls into each hour; a row sums to 1.

    hours (N, 24) are counts of the customer's visits, shop_hours (24,) of all customers'; both are smoothed round the clock by `KERNEL`, and
    the customer's shrunk to the shop's as `SHOP_VISITS` visits of theirs. Without any visit of the shop's every hour is alike.
    """
    shop = _smoothed(shop_hours[np.newaxis])
    total = shop_hours.sum()
    prior = shop / total if total > 0 else np.full((1, HOURS), 1 / HOURS)
    own = np.ascontiguousarray(hours, np.float64)
    shares: Floats = (_smoothed(own) + SHOP_VISITS * prior) / (np.add.reduce(own, axis=1) + SHOP_VISITS)[:, np.newaxis]
    return shares


def next_hours(hours: Floats, shop_hours: Floats, local_now_hours: Floats, quiet: Mask | None = None) -> Floats:
    """(N, C): hours from now until each customer's next good hour on each channel; 0 is now, `NEVER` where all hours are quiet.

    hours (N, 24) and shop_hours (24,) are counts of visits by hour of the local day, local_now_hours (N,) what the clocks show now
    (0 <= hour < 24), quiet (C, 24) the hours at which a channel is silent (None: one channel, never silent). Now is good if it is not quiet
    and at least `GOOD_SHARE` as likely as the best hour that is not quiet; otherwise that best hour is taken, at its beginning: the next one
    of equals. A wait is on the clock: `instant_after` makes an instant of it.
    """
    shares = hour_shares(hours, shop_hours)
    now = np.asarray(local_now_hours, np.float64)
    current = now.astype(np.int64)
    rows = np.arange(len(now))
    waits = (np.arange(HOURS, dtype=np.float64) - now[:, np.newaxis]) % HOURS
    waits[rows, current] = 0.0
    silent = np.zeros((1, HOURS), bool) if quiet is None else quiet
    known: dict[bytes, Floats] = {}
    for row in silent:
        if row.tobytes() not in known:
            known[row.tobytes()] = _next_on_channel(shares, waits, current, ~row)
    return np.stack([known[row.tobytes()] for row in silent], axis=1) if len(silent) else np.empty((len(now), 0))


def _next_on_channel(shares: Floats, waits: Floats, current: NDArray[np.int64], allowed: Mask) -> Floats:
    if not allowed.any():
        return np.full(len(shares), NEVER)
    likely = np.where(allowed, shares, -1.0)
    best = likely.max(axis=1)
    wait = np.where(likely == best[:, np.newaxis], waits, NEVER).min(axis=1)
    return np.where(likely[np.arange(len(shares)), current] >= GOOD_SHARE * best, 0.0, wait)


def quiet_mask(begins: float, ends: float) -> Mask:
    """(24,): the hours of the day that a silence from one hour to another touches (21 until 8 goes over midnight); none where they are equal."""
    hour = np.arange(HOURS, dtype=np.float64)
    if begins <= ends:
        touched: Mask = (hour + 1 > begins) & (hour < ends)
        return touched & (begins < ends)
    over: Mask = (hour + 1 > begins) | (hour < ends)
    return over


def instant_after(as_of: datetime, timezone: str, hours: float) -> datetime:
    """The instant (naive UTC) at which clocks of the zone show so many hours more than now.

    Where clocks jump over that time it is an hour later by the clock; where they show it twice, the first time after now.
    """
    now = microseconds(as_of)
    at = np.array([now], np.int64)
    offset = int(local_microseconds(at, timezone)[0]) - now
    wanted = now + offset + round(hours * HOUR_US)
    straight = wanted - offset
    shifted = wanted - _offset_at(straight, timezone)
    consistent = wanted - _offset_at(shifted, timezone) == shifted and shifted >= now
    return EPOCH + timedelta(microseconds=shifted if consistent else max(straight, shifted))


def hour_remark(hours: Sequence[float], shop_hours: Sequence[float], hour: int) -> Remark:
    """Why this hour of the local day: how many of the customer's visits lie within an hour of it, or the shop's where theirs say little."""
    visits = sum(hours)
    near = sum(hours[(hour + shift) % HOURS] for shift in (-1, 0, 1)) if visits else 0.0
    if near > 0 and visits >= SHOP_VISITS:
        return Remark("hour_own", {"hour": hour, "near": near, "visits": visits})
    return Remark("hour_shop", {"hour": hour, "visits": visits}) if sum(shop_hours) else Remark("hour_any")


def _smoothed(hours: Floats) -> Floats:
    total = np.zeros(hours.shape)
    for turned, weight in _TURNED:
        total += weight * hours[:, turned]
    return total


_TURNED: Final = tuple(((np.arange(HOURS) + shift) % HOURS, weight) for shift, weight in KERNEL.items())


def _offset_at(at: int, timezone: str) -> int:
    return int(local_microseconds(np.array([at], np.int64), timezone)[0]) - at


@cache
def _steps(timezone: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    known = zone(timezone)
    return np.asarray(known.starts, np.int64), np.asarray(known.offsets, np.int64)


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())
