"""Decides for an app: reads somebody as of now, asks `decisions.decide`, and records before anything is answered."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from fastapi.concurrency import run_in_threadpool

from decisions.decision import Decision, contacts_of
from decisions.situation import Ask, Contact
from serving.budgets_now import Left, after, budgets_left, periods, takes
from serving.decision_rows import Recorded, Subject, contact_rows, request_of, row_of, stored_rows
from serving.desk import Desk
from serving.errors import ProblemError
from serving.reading import Reading
from serving.ready import About, Ready, ReadyOnes
from serving.recording import Entry, Outcome, record_soon
from serving.situations import TICK
from serving.state.budget_reader import earliest, taken_of
from serving.state.budgets import left_after
from serving.state.database import State
from serving.state.lookup import Lookup
from serving.state.somebody import Whom
from serving.state.versions import Moment, generation_of, version_with_contacts

__all__ = ["Decider", "Recorded", "Subject", "Wanted"]

MOST_ATTEMPTS: Final = 5
"""Rounds in a row that record nothing, after which a customer about whom others decide all the time is left to ask again."""
MOST_ROUNDS: Final = 50
"""Rounds at most: each budget that is used up in between takes one, and each that somebody else was faster in."""


@dataclass(frozen=True)
class Wanted:
    """One decision that is asked for: about whom, what, and the request as it came, which is kept with it.

    `is_new` says that its id was made just now: no decision of this id can be recorded.
    """

    subject: Subject
    ask: Ask
    asked: Mapping[str, Any]
    is_new: bool = False


@dataclass(frozen=True)
class Decider:
    """Decides and records, for one server. `ones` are those who are ready to be decided about once more."""

    state: State
    desk: Desk
    reading: Reading
    versions: Lookup[Moment]
    taken: Lookup[datetime]
    ones: ReadyOnes = field(default_factory=ReadyOnes)

    async def ready(self, subject: Subject, now: datetime) -> Ready:
        """The subject, ready to be decided about."""
        version = None if subject.customer_id is None else await self.versions.row(Moment(subject.customer_id, now))
        if version is None:
            return await self._read(subject, now)
        self.desk.reader.shops.expect(generation_of(version))
        key = subject.customer_id, version_with_contacts(version)
        found = self.ones.get(key, now)
        if found is None or await self._left(found.about.timezone, now) != found.situation.budgets_left:
            found = await self._read(subject, now)
            self.ones.put(key, found)
        return found

    async def _read(self, subject: Subject, now: datetime) -> Ready:
        rows, shop = await self.reading.rows(Whom(subject.customer_id, subject.visitor_id, now))
        current, left = self.desk.reader.current(rows, shop), await self._left(shop.habits.timezone, now)
        return Ready(About.of(current, rows.contact_count), self.desk.situations.of(current, left, rows.version))

    async def _left(self, timezone: str, now: datetime) -> Left:
        """What is left of the budgets. Raises what the database does where it does not answer."""
        asked = periods(self.desk.policy, now, timezone)
        if not asked:
            return {}
        row = await self.taken.row(earliest(asked))
        return await run_in_threadpool(self._left_now, timezone, now) if row is None else dict(left_after(asked, taken_of(row, asked)))

    def _left_now(self, timezone: str, now: datetime) -> Left:
        with self.state.reading() as connection:
            return budgets_left(connection, self.desk.policy, now, timezone)

    async def record(self, wanted: Sequence[Wanted], now: datetime) -> list[Recorded]:
        """Decides and records each, in this order; one whose id is recorded already gives that record again, if the same was asked.

        Limits and budgets hold because a decision is recorded only if nobody was contacted since its history was read, and the budgets still have
        what it takes; otherwise it is made anew from what is known then (`serving.recording`).
        """
        found: dict[int, Recorded] = {}
        in_vain = 0
        for _ in range(MOST_ROUNDS):
            left = [number for number in range(len(wanted)) if number not in found]
            if not left or in_vain > MOST_ATTEMPTS:
                break
            known, made = await self._decide([wanted[number] for number in left], now)
            outcomes = await self._write([each.entry for each in made.values()], now)
            found |= {left[place]: each for place, each in known.items()}
            done = [(place, each) for (place, each), outcome in zip(made.items(), outcomes, strict=True) if outcome is Outcome.RECORDED]
            found |= {left[place]: each.recorded for place, each in done}
            in_vain = in_vain + 1 if not done and Outcome.CONTACTED in outcomes else 0
        if len(found) < len(wanted):
            raise _contended(len(found), wanted)
        return [found[number] for number in range(len(wanted))]

    async def _decide(self, wanted: Sequence[Wanted], now: datetime) -> tuple[dict[int, Recorded], dict[int, "_Made"]]:
        """By their places: what is recorded already, and what is decided now, each as if those before it were recorded: they contacted and took."""
        known, made, carried = await self._recorded(wanted), dict[int, _Made](), _Carried()
        left: Left | None = None
        for place, each in enumerate(wanted):
            if place in known:
                continue
            if place:
                await asyncio.sleep(0)  # a long batch holds up nobody else
            ready = await self.ready(each.subject, now)
            about = ready.about
            ready, seen = carried.onto(ready, left)
            result = ready.decide(each.ask, self.desk.policy)
            decision = result.decision
            left = after(dict(ready.situation.budgets_left), decision)
            carried.add(decision)
            row = row_of(result, about, each.subject, each.asked)
            entry = Entry(row, contact_rows(decision), takes(decision, self.desk.policy, about.timezone), about.subject_ids, seen)
            made[place] = _Made(Recorded(decision, about.known, result.answers), entry)
        return known, made

    async def _write(self, entries: Sequence[Entry], now: datetime) -> list[Outcome]:
        return await record_soon(self.state, entries, partial(self.desk.keep, at=now)) if entries else []

    async def _recorded(self, wanted: Sequence[Wanted]) -> dict[int, Recorded]:
        """Those that are recorded already, by their places."""
        asked = {each.ask.decision_id: place for place, each in enumerate(wanted) if not each.is_new}
        return await run_in_threadpool(self._again, wanted, asked) if asked else {}

    def _again(self, wanted: Sequence[Wanted], asked: Mapping[str, int]) -> dict[int, Recorded]:
        with self.state.reading() as connection:
            rows = stored_rows(connection, list(asked))
            for decision_id, row in rows.items():
                if request_of(row).get("asked") != wanted[asked[decision_id]].asked:
                    raise _asked_differently(decision_id)
            return {asked[decision_id]: self.desk.recorded(connection, row) for decision_id, row in rows.items()}


@dataclass(frozen=True)
class _Carried:
    """Contacts of decisions of this round, by subject, as the next decision about them will read them: just before now."""

    by_subject: dict[str, list[Contact]] = field(default_factory=dict)

    def onto(self, ready: Ready, left: Left | None) -> tuple[Ready, int]:
        """Somebody as the next decision finds them, and how many contacts with them that has seen. `left` is what budgets have by then."""
        earlier = [contact for each in ready.about.subject_ids for contact in self.by_subject.get(each, ())]
        seen, situation = ready.about.contact_count + len(earlier), ready.situation
        if earlier:
            just_before = [replace(contact, decided_at=min(contact.decided_at, situation.as_of - TICK)) for contact in earlier]
            situation = replace(situation, contacts=(*situation.contacts, *just_before))
        if left is not None and left != situation.budgets_left:
            situation = replace(situation, budgets_left=left)
        return (ready if situation is ready.situation else Ready(ready.about, situation)), seen

    def add(self, decision: Decision) -> None:
        made = (
            Contact(
                decision_id=decision.decision_id,
                action_id=each.action_id,
                channel=each.channel or "",
                decided_at=decision.decided_at - TICK,
            )
            for each in contacts_of(decision.actions)
        )
        self.by_subject.setdefault(decision.customer_id, []).extend(made)


@dataclass(frozen=True)
class _Made:
    """A decision that was made now, and how it is to be recorded."""

    recorded: Recorded
    entry: Entry


def _asked_differently(decision_id: str) -> ProblemError:
    return ProblemError(
        409,
        f"The decision {decision_id!r} is recorded already, and was asked differently.",
        remedy="Repeat exactly what was asked, or use another decision_id or Idempotency-Key.",
        kind="asked-differently",
    )


def _contended(recorded: int, wanted: Sequence[Wanted]) -> ProblemError:
    return ProblemError(
        503,
        f"Too many decisions about {'this customer' if len(wanted) == 1 else 'these customers'} at once: {recorded} of {len(wanted)} are recorded.",
        remedy="Send the same again, with the same decision_id of each or the same Idempotency-Key: what is recorded is answered as it is.",
        kind="contention",
        headers={"Retry-After": "1"},
    )
