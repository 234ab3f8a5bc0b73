"""What is ready to decide about somebody of whom nothing changed: their situation, and for each way to ask, everything but the draw.

An entry holds for the minute of the clock in which it was made: whatever begins or ends by the clock (quiet hours, budgets, days) does so with a
minute. What it rests on is its key: when somebody, the shop or the policy changes, another key is asked for.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from decisions.decide import Picks, Prepared, prepare
from decisions.decision import Decision
from decisions.policy import Policy
from decisions.records import Written, to_json
from decisions.situation import Ask, Situation
from serving.current import Current

MOST_KEPT: Final = 2_000
"""People about whom somebody asked in this minute, some 50 kB each at most."""
_MOST_ASKS: Final = 8


@dataclass(frozen=True)
class About:
    """Whom a decision is about, as its row needs it. `contact_count` is that of all ids under which they are contacted."""

    customer_id: str
    known: bool
    visitor: bool
    subject_ids: tuple[str, ...]
    contact_count: int
    timezone: str

    @classmethod
    def of(cls, current: Current, contact_count: int) -> "About":
        """The same of somebody read just now."""
        timezone = current.shop.habits.timezone
        return cls(current.customer_id, current.known, current.visitor, current.subject_ids, contact_count, timezone)


@dataclass(frozen=True)
class Made:
    """A decision and its record as JSON. `answers` keeps what the answers of decisions that differ by their ids alone have in common."""

    decision: Decision
    record: bytes
    answers: dict[bool, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class _Asked:
    """What is ready for one way to ask."""

    prepared: Prepared
    written: Written
    answers: dict[Picks, dict[bool, bytes]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """Somebody, their situation, and what was prepared in it."""

    about: About
    situation: Situation
    _asked: dict[Hashable, _Asked] = field(default_factory=dict, repr=False)

    def decide(self, ask: Ask, policy: Policy) -> Made:
        """The decision, as `decisions.decide` makes it."""
        key = ask.stage, ask.channels, tuple(ask.context.items()), ask.k, ask.seed, ask.placements, ask.deferred
        found = self._asked.get(key)
        if found is None:
            prepared = prepare(self.situation, ask, policy)
            found = _Asked(prepared, Written.of(prepared.frame))
            if len(self._asked) < _MOST_ASKS:
                self._asked[key] = found
        picks = found.prepared.picks(ask.decision_id)
        decision = found.prepared.named(picks, ask.decision_id)
        return Made(decision, to_json(decision, found.written), found.answers.setdefault(picks, {}))


@dataclass
class ReadyOnes:
    """Who is ready in this minute, by what that rests on; those asked about last."""

    most: int = MOST_KEPT
    _minute: datetime | None = None
    _found: OrderedDict[Hashable, Ready] = field(default_factory=OrderedDict, repr=False)
    _one: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(self, key: Hashable, now: datetime) -> Ready | None:
        """Who is ready under this key since this minute began, at a time not after now."""
        with self._one:
            self._forget_other_minutes(now)
            found = self._found.get(key)
            if found is None or found.situation.as_of > now:
                return None
            self._found.move_to_end(key)
            return found

    def put(self, key: Hashable, ready: Ready) -> None:
        """Keeps somebody; those not asked about longest make room."""
        with self._one:
            self._forget_other_minutes(ready.situation.as_of)
            self._found[key] = ready
            while len(self._found) > self.most:
                self._found.popitem(last=False)

    def _forget_other_minutes(self, now: datetime) -> None:
        minute = now.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute = minute
            self._found.clear()
