"""Exports an audience: everybody is considered, the members' decisions are recorded, and only what is recorded is given away.

An export that was not recorded would break contact limits and measurement. If somebody was contacted in between, or a budget ran out, they are decided
about anew.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from decisions.audience import AudienceAsk, Left, Outside
from decisions.decide_many import PART
from decisions.decision import Decision
from serving.audience_rows import without_address
from serving.audiences import Considered, considered, up_to
from serving.budgets_now import budgets_left
from serving.clock import SKEW
from serving.desk import Desk
from serving.recording import Entry, Outcome, record
from serving.state import publications
from serving.state.database import State
from serving.state.everybody import customer_ids
from serving.state.tables import CONTACTS, CUSTOMERS, EVENTS, ORDER_LINES, OUTCOMES

AT_ONCE: Final = 500
"""Decisions that are recorded in one transaction."""
MOST_ROUNDS: Final = 5
_TICK: Final = timedelta(microseconds=1)
_LOST: Final = Outside(
    "gate",
    "contention",
    "Others decided about them again and again while the audience was made.",
    "Nơi khác liên tục ra quyết định về họ trong lúc lập danh sách.",
)


@dataclass
class Tally:
    """What became of those who were considered. `again` counts decisions that were made anew, by why; `refused_since`
    those outside who were recorded as members, and have refused since.
    """

    considered: int = 0
    members: int = 0
    recorded: int = 0
    already: int = 0
    refused_since: int = 0
    without_address: int = 0
    outside: Counter[Outside] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Export:
    """One export. `limit` ends it after so many members; `records` False leaves the database as it is. Refusals count up to `today`."""

    state: State
    desk: Desk
    wanted: AudienceAsk
    limit: int | None = None
    records: bool = True
    locale: str = ""
    today: datetime | None = None
    tally: Tally = field(default_factory=Tally)

    def members(self) -> Iterator[list[Decision]]:
        """The members' decisions by customer_id, in parts, recorded."""
        after: str | None = None
        left: Left | None = None
        while self._room() != 0:
            with self.state.reading() as connection:
                ids = customer_ids(connection, after=after, limit=self._part())
                found = self._considered(connection, ids, left)
            if not found:
                return
            found = up_to(found, self._room())
            after, left = found[-1].customer_id, next((each.left for each in reversed(found) if each.left is not None), left)
            yield self._settled(found, left)
            if left is not None and self.records:
                with self.state.reading() as connection:
                    left = self._as_taken(connection, left)

    def _considered(self, connection: Connection, ids: Sequence[str], left: Left | None) -> list[Considered]:
        return considered(connection, self.desk, self.wanted, ids, left, locale=self.locale, today=self.today)

    def _room(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.tally.members)

    def _part(self) -> int:
        """Few at a time where few are wanted."""
        room = self._room()
        return PART if room is None else min(PART, max(200, 5 * room))

    def _settled(self, found: Sequence[Considered], left: Left | None) -> list[Decision]:
        """The members among these whose decisions are recorded, and everybody counted."""
        settled = {each.customer_id: each for each in found}
        rest = [each for each in found if each.outside is None and each.already is None]
        for _ in range(MOST_ROUNDS if self.records else 0):
            changed = self._recorded(rest)
            if not changed:
                rest = []
                break
            with self.state.reading() as connection:
                now = None if left is None else self._as_taken(connection, left)
                again = self._considered(connection, changed, now)
            settled |= {each.customer_id: each for each in again}
            rest = [each for each in again if each.outside is None and each.already is None]
        if self.records:
            settled |= {each.customer_id: replace(each, outside=_LOST) for each in rest}
        return self._counted([settled[each.customer_id] for each in found])

    def _recorded(self, members: Sequence[Considered]) -> list[str]:
        """Records what can be, and gives the customers about whom must be decided anew."""
        changed = []
        for start in range(0, len(members), AT_ONCE):
            some = members[start : start + AT_ONCE]
            entries: list[Entry] = [each.entry(self.desk, self.wanted) for each in some]
            outcomes = record(self.state, entries, self._keep)
            self.tally.recorded += outcomes.count(Outcome.RECORDED)
            self.tally.again.update(outcome.name.lower() for outcome in outcomes if outcome is not Outcome.RECORDED)
            changed += [each.customer_id for each, outcome in zip(some, outcomes, strict=True) if outcome is not Outcome.RECORDED]
        return changed

    def _keep(self, connection: Connection) -> None:
        self.desk.keep(connection, self.wanted.at)

    def _as_taken(self, connection: Connection, left: Left) -> Left:
        """What is left, with the audience's own action as the database has it: others may have taken from it, or its members were left out."""
        timezone = self.desk.reader.shops.current(connection).habits.timezone
        known = budgets_left(connection, self.desk.policy, self.wanted.at, timezone)
        return {action_id: known[action_id] if action_id == self.wanted.action_id else each for action_id, each in left.items()}

    def _counted(self, found: Sequence[Considered]) -> list[Decision]:
        members = [each for each in found if each.outside is None]
        given = [each.decision for each in members]
        self.tally.considered += len(found)
        self.tally.members += len(members)
        self.tally.already += sum(each.already is not None for each in members)
        self.tally.refused_since += sum(
            each.already is not None and each.outside is not None and each.outside.why == "gate" for each in found
        )
        self.tally.without_address += sum(map(without_address, given))
        self.tally.outside.update(each.outside for each in found if each.outside is not None)
        return given


def contacted_later(state: State, at: datetime) -> datetime | None:
    """When somebody was contacted last, if an audience of this time would not count it."""
    with state.reading() as connection:
        newest: datetime | None = connection.execute(select(func.max(CONTACTS.c.decided_at))).scalar()
    return newest if newest is not None and newest > at + SKEW else None


def newest_row(state: State) -> datetime | None:
    """Just after the newest row, published or posted, and no earlier than the last contact, profile or consent; None before the first publication."""
    rows = (ORDER_LINES.c.ordered_at, EVENTS.c.occurred_at, OUTCOMES.c.occurred_at)
    stands = (CONTACTS.c.decided_at, CUSTOMERS.c.updated_at)
    with state.reading() as connection:
        published = publications.current(connection)
        posted = [connection.execute(select(func.max(column))).scalar() for column in rows]
        standing = [connection.execute(select(func.max(column))).scalar() for column in stands]
    if published is None:
        return None
    later = (each + _TICK for each in posted if each is not None)
    known: list[datetime] = [published.as_of, *later, *(each for each in standing if each is not None)]
    return max(known)
