"""A customer's habits from their own rows: at which hours of their day they are there, and which channels they answer.

One definition for one customer in a request and for everybody in a batch; the shop's habits are the sum of its customers'.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from decisions.contact_time import HOUR_US, HOURS, local_microseconds
from decisions.situation import Contact, ShopHabits
from features.contract import NO_ACTION, SALE
from features.history import KINDS, Arrays, CustomerHistory
from features.instants import DAY_US, microseconds

WITHIN_DAYS: Final = 365
"""Habits are those of the last year."""
RIPE_DAYS: Final = 2
"""A contact counts, answered or not, once it is so old: most answers come within two days, and a fresh contact is no failure."""
CLICK_DAYS: Final = 14
"""A click answers the newest mail before it, if that is no older: as long as the outcome window of a decision."""
SAME_MAIL_HOURS: Final = 25
"""An email_sent so soon after a contact by e-mail is that contact's own mail: a contact may wait for a day for its hour."""
VISIT_WEEKS: Final = 12
ANSWERED: Final = frozenset({"accepted", "converted"})
"""Outcomes that are answers. `viewed` and `delivered` are none: they say that a message arrived. `rejected` is not what a shop wants to hear."""
VISITED: Final = {"app_opened": "app", "store_visit": "store", "chat_started": "chat"}
"""Events by which customers come to a channel by themselves."""
NOT_THEIRS: Final = frozenset({"email_sent", "email_opened", "impression", "identify"})
"""Events that tell no hour of the customer's: what the shop does, and what programs do (mail clients open mails by themselves)."""
EMAIL: Final = "email"
WITHIN_US: Final = WITHIN_DAYS * DAY_US
WEEK_US: Final = 7 * DAY_US
_RIPE: Final = timedelta(days=RIPE_DAYS)
_WITHIN: Final = timedelta(days=WITHIN_DAYS)
_NO_HOURS: Final = (0.0,) * HOURS

Ints = NDArray[np.int64]


def visits_key(channel: str) -> str:
    """Under which name `Habits.answers` holds (weeks looked at, weeks with a visit) of a channel."""
    return f"visits:{channel}"


@dataclass(frozen=True)
class Habits:
    """What is known of a customer's habits, or of all customers' together.

    hours: 24 counts, by hour of the local day, of visits: clock hours in which they did something or ordered. answers: per channel
    (contacts, answered ones), and per `visits_key` (12, weeks of the last twelve with a visit to the channel by themselves).
    """

    hours: tuple[float, ...] = _NO_HOURS
    answers: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def plus(self, other: Self) -> Self:
        """Both together."""
        answers = dict(self.answers)
        for name, (sent, answered) in other.answers.items():
            before = answers.get(name, (0.0, 0.0))
            answers[name] = (before[0] + sent, before[1] + answered)
        hours = self.hours if other.hours == _NO_HOURS else tuple(map(sum, zip(self.hours, other.hours, strict=True)))
        return type(self)(hours, answers)

    def of_shop(self, timezone: str) -> ShopHabits:
        """The same as habits of a shop whose clocks are in this zone."""
        return ShopHabits(self.answers, self.hours, timezone)

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"hours": list(self.hours), "answers": {name: list(pair) for name, pair in self.answers.items()}}

    @classmethod
    def from_plain(cls, data: Mapping[str, Any] | None) -> Self:
        """What `to_plain` wrote; nothing known for None."""
        if not data:
            return cls()
        return cls(tuple(data["hours"]), {name: (sent, answered) for name, (sent, answered) in data["answers"].items()})


def shop_habits(everybody: Iterable[Habits]) -> Habits:
    """The habits of all these customers together. Counts are whole, so their order does not matter."""
    total = Habits()
    for own in everybody:
        total = total.plus(own)
    return total


def habits(
    history: CustomerHistory, contacts: Sequence[Contact], as_of: datetime, timezone: str, *, shop_timezone: str | None = None
) -> Habits:
    """The habits of one customer as of a time; nothing at or after it is seen, nor what is older than a year.

    `contacts` are decisions about them with their outcomes until then; `timezone` is the customer's, `shop_timezone` the shop's where that is
    another. A row at exactly midnight (of UTC or either zone) tells a day and no hour.
    """
    now = microseconds(as_of)
    events = history.events
    kind = np.array([event_kind(name) for name in history.names.event_types], np.int8)[events["type"]]
    kind[(events["known_at"] >= now) | (events["at"] < now - WITHIN_US)] = OTHER
    hours = _hours(history.lines, events["at"][kind >= DID], now, timezone, shop_timezone or timezone)
    answers = answers_to(contacts, as_of, events["at"], kind)
    answers.update(_visits(history, events["at"], kind, now))
    return Habits(hours, answers)


OTHER, SENT, DID, CLICKED, CAME = 0, 1, 2, 3, 4
CHANNELS: Final = tuple(VISITED.values())


def event_kind(event_type: str) -> int:
    """What the event tells: from `DID` on something of the hour, from `CAME` on a visit to a channel."""
    if event_type in VISITED:
        return CAME + CHANNELS.index(VISITED[event_type])
    if event_type in NOT_THEIRS:
        return SENT if event_type == "email_sent" else OTHER
    return CLICKED if event_type == "email_clicked" else DID


def _hours(lines: Arrays, did: Ints, now: int, timezone: str, shop_timezone: str) -> tuple[float, ...]:
    bought = lines["at"][(lines["kind"] == SALE_KIND) & (lines["at"] < now) & (lines["at"] >= now - WITHIN_US)]
    at = np.concatenate([bought, did])
    if not len(at):
        return _NO_HOURS
    local = local_microseconds(at, timezone)
    timed = (at % DAY_US != 0) & (local % DAY_US != 0)
    if shop_timezone != timezone:
        timed &= local_microseconds(at, shop_timezone) % DAY_US != 0
    counts = [0.0] * HOURS
    for hour in set((local[timed] // HOUR_US).tolist()):
        counts[hour % HOURS] += 1.0
    return tuple(counts)


SALE_KIND: Final = KINDS.index(SALE)


def answers_to(contacts: Sequence[Contact], as_of: datetime, at: Ints, kind: NDArray[np.int8]) -> dict[str, tuple[float, float]]:
    """Per channel (contacts, answered ones), of contacts and of events at `at` whose kind is `event_kind`'s, or OTHER for those not to be seen."""
    found: dict[str, tuple[float, float]] = {}
    mails: list[tuple[int, bool]] = []
    oldest, ripe = as_of - _WITHIN, as_of - _RIPE
    for contact in contacts:
        if not oldest <= contact.decided_at < as_of or not contact.channel or contact.action_id == NO_ACTION:
            continue
        answered = not ANSWERED.isdisjoint(contact.outcomes)
        if contact.channel == EMAIL:
            mails.append((microseconds(contact.decided_at), answered))
        elif contact.decided_at <= ripe:
            sent, before = found.get(contact.channel, (0.0, 0.0))
            found[contact.channel] = (sent + 1.0, before + answered)
    sent_at = at[kind == SENT]
    if mails or len(sent_at):
        own = _mails(mails, sent_at, at[kind == CLICKED], microseconds(as_of))
        if own[0]:
            found[EMAIL] = own
    return found


def _mails(contacts: Sequence[tuple[int, bool]], sent_at: Ints, clicked_at: Ints, now: int) -> tuple[float, float]:
    """(mails, answered ones): contacts by e-mail and other mails that were sent; answered by their outcome, or a click before the next mail."""
    own = np.array(sorted(contacts), np.int64).reshape(-1, 2)
    mails, answered = own[:, 0], own[:, 1].astype(bool)
    if len(sent_at):
        before = np.searchsorted(mails, sent_at, side="right") - 1
        others = sent_at if not len(mails) else sent_at[(before < 0) | (sent_at - mails[before] >= SAME_MAIL_HOURS * HOUR_US)]
        order = np.argsort(np.concatenate([mails, others]), kind="stable")
        mails = np.concatenate([mails, others])[order]
        answered = np.concatenate([answered, np.zeros(len(others), bool)])[order]
    if len(clicked_at):
        place = np.searchsorted(mails, clicked_at, side="right") - 1
        meant = (place >= 0) & (clicked_at - mails[place] < CLICK_DAYS * DAY_US)
        answered[place[meant]] = True
    ripe = mails <= now - RIPE_DAYS * DAY_US
    return float(np.count_nonzero(ripe)), float(np.count_nonzero(answered & ripe))


def _visits(history: CustomerHistory, at: Ints, kind: NDArray[np.int8], now: int) -> dict[str, tuple[float, float]]:
    """Weeks with a visit per channel: an event there, or an order that was placed there."""
    weeks: dict[str, set[int]] = {}
    came = kind >= CAME
    for code, instant in zip(kind[came].tolist(), at[came].tolist(), strict=True):
        weeks.setdefault(CHANNELS[code - CAME], set()).add((now - instant) // WEEK_US)
    lines = history.lines
    for code, channel in enumerate(history.names.channels):
        if channel in CHANNELS:
            placed = lines["at"][(lines["channel"] == code) & (lines["at"] < now)]
            weeks.setdefault(channel, set()).update(((now - placed) // WEEK_US).tolist())
    recent = {channel: sum(week < VISIT_WEEKS for week in own) for channel, own in weeks.items()}
    return {visits_key(channel): (float(VISIT_WEEKS), float(count)) for channel, count in recent.items() if count}
