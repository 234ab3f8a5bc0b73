"""Who gets an action, of the customers as they are now: what was published, and everything that was posted since, read as for one decision.

Whoever has a decision of the audience's time already is given as it stands: an audience that was recorded is the same again, but for who refused since.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from decisions.audience import AudienceAsk, AudiencePart, Left, Outside, audience, checked_action, drew, refused
from decisions.decision import Decision
from decisions.records import to_json
from decisions.situation import Situation
from serving.budgets_now import takes
from serving.clock import SKEW
from serving.current import Current, Reader
from serving.decision_rows import Subject, contact_rows, row_of
from serving.desk import Desk
from serving.ready import About, Made
from serving.recording import Entry
from serving.state import decisions


@dataclass(frozen=True)
class Considered:
    """One customer who was considered. `outside` says why they are not in the audience, None for a member; `left` is what they leave of budgets.

    `contact_count` is how many contacts of theirs were recorded when they were read; `already` is their decision if that is recorded.
    """

    customer_id: str
    outside: Outside | None
    left: Left | None
    contact_count: int = 0
    already: Decision | None = None
    _part: AudiencePart | None = field(default=None, repr=False)
    _row: int = 0
    _current: Current | None = field(default=None, repr=False)

    @cached_property
    def decision(self) -> Decision:
        """The decision, with its message: made when it is asked for first."""
        if self.already is not None:
            return self.already
        if self._part is None:
            raise ValueError(f"nothing was decided about {self.customer_id!r}")
        return self._part.decision(self._row)

    def entry(self, desk: Desk, wanted: AudienceAsk) -> Entry:
        """How the decision is recorded: as if POST /v1/decisions had been asked for it with its id and channel, deferred."""
        current, subject = self._current, Subject(customer_id=self.customer_id)
        if current is None:
            raise ValueError(f"the decision about {self.customer_id!r} is recorded already")
        about = About.of(current, self.contact_count)
        row = row_of(Made(self.decision, to_json(self.decision)), about, subject, asked_of(self.customer_id, wanted))
        taken = takes(self.decision, desk.policy, current.shop.habits.timezone)
        return Entry(row, contact_rows(self.decision), taken, current.subject_ids, self.contact_count)


def asked_of(customer_id: str, wanted: AudienceAsk) -> dict[str, Any]:
    """The request of which POST /v1/decisions gives the same decision."""
    about = {"customer_id": customer_id, "visitor_id": None, "stage": None, "channel": wanted.channel}
    return {**about, "placements": [], "context": {}, "deferred": True, "k": 1}


def considered(
    connection: Connection,
    desk: Desk,
    wanted: AudienceAsk,
    customer_ids: Sequence[str],
    left: Left | None,
    *,
    locale: str = "",
    today: datetime | None = None,
) -> list[Considered]:
    """These customers, in their order, as of the audience's time.

    `left` is what the first of them finds left of budgets; None reads it. `locale` counts as the language of those whose own is not known.
    Who is recorded already and has refused by `today` (None: by the audience's time) is kept out.
    """
    recorded = decisions.find_many(connection, [wanted.decision_id(each) for each in customer_ids])
    others = [each for each in customer_ids if wanted.decision_id(each) not in recorded]
    read = dict(zip(others, _read(connection, desk, others, wanted.at), strict=True))
    situations = (_with_locale(situation, locale) for _, situation in read.values())
    decided = dict(_decided(audience(situations, desk.policy, wanted, left), {who: current for who, (current, _) in read.items()}))
    members = [each._current for each in decided.values() if each.outside is None and each._current is not None]
    counts = decisions.contact_counts(connection, sorted({subject for each in members for subject in each.subject_ids}))
    kept = [_already(connection, desk, wanted, recorded[wanted.decision_id(each)]) for each in customer_ids if each not in decided]
    known = {each.customer_id: each for each in _but_refused(connection, desk, wanted, kept, today)}
    return [_counted(decided[each], counts) if each in decided else known[each] for each in customer_ids]


def up_to(found: list[Considered], most: int | None) -> list[Considered]:
    """These customers up to the last member for whom there is room, which is at least one; None is room for all."""
    members = [row for row, each in enumerate(found) if each.outside is None]
    return found if most is None or len(members) <= most else found[: members[most - 1] + 1]


def _decided(parts: Iterator[AudiencePart], currents: Mapping[str, Current]) -> Iterator[tuple[str, Considered]]:
    for part in parts:
        for row, (who, outside) in enumerate(zip(part.decided.crowd.customer_ids, part.outside, strict=True)):
            yield who, Considered(who, outside, part.left_after(row), _part=part, _row=row, _current=currents[who])


def _counted(each: Considered, counts: Mapping[str, int]) -> Considered:
    if each.outside is not None or each._current is None:
        return each
    return replace(each, contact_count=sum(counts.get(subject, 0) for subject in each._current.subject_ids))


def _already(connection: Connection, desk: Desk, wanted: AudienceAsk, row: Mapping[str, Any]) -> Considered:
    decision = desk.recorded(connection, row).decision
    first = decision.actions[0]
    member = first.action_id == wanted.action_id and wanted.channel in (None, first.channel)
    return Considered(decision.customer_id, None if member else drew(first.action_id), None, already=decision)


def _but_refused(
    connection: Connection, desk: Desk, wanted: AudienceAsk, found: Sequence[Considered], today: datetime | None
) -> Iterator[Considered]:
    """These recorded customers, those members kept out who refuse the channel of their decision by now: to be recorded is no consent."""
    action = checked_action(wanted, desk.policy.catalogue)
    members = [each.customer_id for each in found if each.outside is None]
    latest = max(wanted.at, today or wanted.at) + SKEW
    now = {situation.customer_id: situation for _, situation in _read(connection, desk, members, latest)}
    for each in found:
        if each.outside is None:
            channel = each.decision.actions[0].channel
            each = replace(each, outside=refused(now[each.customer_id], action, channel, desk.policy))
        yield each


def _read(connection: Connection, desk: Desk, customer_ids: Sequence[str], at: datetime) -> Iterator[tuple[Current, Situation]]:
    """Everybody as one by one, but for what is stored, which is read at once."""
    currents = desk.reader.customers(connection, customer_ids, at)
    known = {each.customer_id: each for each in currents}
    reader = desk.reader
    ahead = replace(desk, reader=_ReadAhead(reader.shops, reader.stages, reader.segments, known))
    return (ahead.read(connection, Subject(customer_id=each), at) for each in customer_ids)


@dataclass(frozen=True)
class _ReadAhead(Reader):
    """A reader of customers who are read already."""

    known: Mapping[str, Current] = field(default_factory=dict)

    def customer(self, connection: Connection, customer_id: str, now: datetime) -> Current:  # noqa: ARG002 - as its parent is asked
        return self.known[customer_id]


def _with_locale(situation: Situation, locale: str) -> Situation:
    if not locale or situation.profile.get("locale"):
        return situation
    return replace(situation, profile={**situation.profile, "locale": locale})
