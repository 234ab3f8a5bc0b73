"""Everything that is stored about a customer or a visitor, as one statement tells it: one round trip, and one moment of the database."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from serving.clock import SKEW
from serving.state.customers import StoredCustomer
from serving.state.database import State
from serving.state.lookup import Lookup, Question, lookup
from serving.state.somebody_statement import CONTACTS, EVENTS, HEAD, LINES, SCORE_NAMES, THEIR_EVENTS, VISITORS, statement

Row = Sequence[Any]
Instant = Callable[[Any], datetime]
TOGETHER: Final = 64
"""Customers that one statement asks PostgreSQL for, at most."""


@dataclass(frozen=True)
class Whom:
    """A customer, or a visitor and whoever they turned out to be, as seen before an instant: one of the two ids is None."""

    customer_id: str | None
    visitor_id: str | None
    before: datetime

    @property
    def subject_id(self) -> str:
        """The id that was asked for."""
        return self.customer_id if self.customer_id is not None else self.visitor_id or ""


@dataclass(frozen=True)
class Rows:
    """What is stored about somebody, from before an instant.

    `customer_id` is whom a visitor was identified as by then, None where nobody was named. `generation` is the newest publication, 0 before the first.
    `lines` and `events` hold the columns of the contract that a history needs, oldest first, the newest `MOST_ROWS`; the events of a customer are
    theirs and those of their visitors, `known_at` the time when these were identified. `visitors` are whom they turned out to be, with that time.
    `contacts` are decision_id, subject_id, action_id, channel, decided_at, outcomes, outcomes_at, oldest first, up to what a clock a little ahead
    says, the newest `MOST_CONTACTS`; `contact_count` is that of all contacts of `subject_ids` (`serving.state.decisions.contact_counts`).
    `version` is the same while nothing changes that an answer about products rests on.
    """

    asked: Whom
    customer_id: str | None
    generation: int
    stored: StoredCustomer | None
    lines: list[dict[str, Any]]
    events: list[dict[str, Any]]
    visitors: dict[str, datetime]
    contacts: list[dict[str, Any]]
    contact_count: int
    version: Hashable

    @property
    def identified(self) -> str | None:
        """Whom the visitor turned out to be, who was asked for; None for a customer."""
        return self.customer_id if self.asked.customer_id is None else None

    @property
    def subject_ids(self) -> tuple[str, ...]:
        """The ids under which contacts with them are recorded."""
        return (self.asked.subject_id,) if self.customer_id is None else (self.customer_id, *sorted(self.visitors))


@dataclass(frozen=True)
class SomebodyReader:
    """Reads from an event loop."""

    answers: Lookup[Whom]
    instant: Instant

    async def rows(self, whom: Whom) -> Rows | None:
        """What is stored about them; None where the database gave no answer: asked again in a transaction, it says why (`read`)."""
        found = await self.answers.rows(whom)
        return _rows(whom, found, self.instant) if found else None

    async def close(self) -> None:
        """Closes the connections."""
        await self.answers.close()


def somebody_reader(state: State) -> SomebodyReader:
    """Reads somebody of this database."""
    dialect = state.engine.dialect.name
    question = Question(statement(dialect), _one if dialect == "sqlite" else _several, _whom)
    return SomebodyReader(lookup(state, question), _INSTANTS[dialect])


def read(connection: Connection, whom: Sequence[Whom]) -> list[Rows]:
    """The same in a transaction, for several, in their order."""
    dialect = connection.dialect.name
    instant = _INSTANTS[dialect]
    if dialect == "sqlite":
        return [_rows(each, connection.exec_driver_sql(statement(dialect), _one([each])).all(), instant) for each in whom]
    found: dict[Whom, list[Row]] = {}
    for start in range(0, len(whom), TOGETHER):
        for row in connection.exec_driver_sql(statement(dialect), _several(whom[start : start + TOGETHER])):
            found.setdefault(_whom(row), []).append(row)
    return [_rows(each, found[each], instant) for each in whom]


def _one(asked: Sequence[Whom]) -> dict[str, Any]:
    (whom,) = asked
    until = whom.before + SKEW if whom.before < datetime.max - SKEW else datetime.max
    return {"customer_id": whom.customer_id, "visitor_id": whom.visitor_id, "before": _text(whom.before), "until": _text(until)}


def _several(asked: Sequence[Whom]) -> dict[str, Any]:
    different = list(dict.fromkeys(asked))
    return {
        "customer_ids": [each.customer_id for each in different],
        "visitor_ids": [each.visitor_id for each in different],
        "befores": [each.before for each in different],
        "untils": [each.before + SKEW if each.before < datetime.max - SKEW else datetime.max for each in different],
    }


def _whom(row: Row) -> Whom:
    return Whom(*row[-3:])


def _text(instant: datetime) -> str:
    """As SQLAlchemy stores it in SQLite."""
    return instant.isoformat(" ", "microseconds")


_INSTANTS: Final[Mapping[str, Instant]] = {"sqlite": datetime.fromisoformat, "postgresql": lambda instant: instant}


def _rows(whom: Whom, found: Iterable[Row], instant: Instant) -> Rows:
    parts: tuple[list[Row], ...] = ([], [], [], [], [], [])
    for row in found:
        parts[row[0]].append(row)
    (head,) = parts[HEAD]
    customer_id, generation = head[1], int(head[12] or 0)
    visitors = {row[1]: instant(row[7]) for row in parts[VISITORS]}
    return Rows(
        asked=whom,
        customer_id=customer_id,
        generation=generation,
        stored=_stored(customer_id, generation, head, instant) if customer_id is not None else None,
        lines=[_line(row, instant) for row in reversed(parts[LINES])],
        events=_events(parts[EVENTS], parts[THEIR_EVENTS], visitors, instant),
        visitors=visitors,
        contacts=_contacts(parts[CONTACTS], instant),
        contact_count=head[13],
        version=(generation, head[7], *(_stamp(parts[each]) for each in (LINES, EVENTS, THEIR_EVENTS)), tuple(sorted(visitors.items()))),
    )


def _stamp(rows: Sequence[Row]) -> tuple[int, Any]:
    """How many rows there are, and when the last of them came: rows are added and removed, and never change."""
    return len(rows), max((row[8] for row in rows), default=None)


def _line(row: Row, instant: Instant) -> dict[str, Any]:
    return {
        "order_id": row[1],
        "product_id": row[2],
        "channel": row[3],
        "store_id": row[4],
        "line_kind": row[5],
        "ordered_at": instant(row[7]),
        "quantity": row[9],
        "unit_price": row[10],
        "discount_amount": row[11],
        "line": row[12],
    }


def _events(own: Sequence[Row], theirs: Sequence[Row], visitors: Mapping[str, datetime], instant: Instant) -> list[dict[str, Any]]:
    rows = [_event(row, instant) for row in reversed(own)]
    if not theirs:
        return rows
    earlier = (_event(row, instant) for row in reversed(theirs))
    rows += [{**row, "known_at": max(row["occurred_at"], visitors[row["visitor_id"]])} for row in earlier]
    return sorted(rows, key=lambda row: (row["occurred_at"], row["event_id"]))


def _event(row: Row, instant: Instant) -> dict[str, Any]:
    return {
        "event_id": row[1],
        "visitor_id": row[2],
        "event_type": row[3],
        "product_id": row[4],
        "occurred_at": instant(row[7]),
        "value": row[9],
    }


def _contacts(rows: Sequence[Row], instant: Instant) -> list[dict[str, Any]]:
    contacts: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows:
        contact = contacts.get((row[1], row[12]))
        if contact is None:
            shown = {"decision_id": row[1], "subject_id": row[2], "action_id": row[3], "channel": row[4], "decided_at": instant(row[7])}
            contact = contacts[row[1], row[12]] = {**shown, "outcomes": [], "outcomes_at": []}
        if row[5] is not None:
            contact["outcomes"].append(row[5])
            contact["outcomes_at"].append(instant(row[8]))
    return list(contacts.values())


def _stored(customer_id: str, generation: int, head: Row, instant: Instant) -> StoredCustomer | None:
    """With posted profile and consent over the published ones; None where neither is there."""
    _, _, published, stage, _, _, _, put_at, *_ = head
    profile, consent, contacts, history, new_profile, new_consent, *scores = head[14 : 20 + len(SCORE_NAMES)]
    if published is None and put_at is None:
        return None
    return StoredCustomer(
        customer_id=customer_id,
        generation=generation if published is not None else 0,
        profile={name: value for name, value in _merged(profile, new_profile).items() if value is not None},
        consent=_merged(consent, new_consent),
        contacts=orjson.loads(contacts) if contacts and contacts != "[]" else (),
        history=history,
        scores=None if scores[0] is None else dict(_score(scores, instant)),
        stage=stage,
    )


def _merged(published: str | None, put: str | None) -> dict[str, Any]:
    own: dict[str, Any] = orjson.loads(published) if published else {}
    return {**own, **orjson.loads(put)} if put else own


def _score(values: Sequence[Any], instant: Instant) -> Iterator[tuple[str, Any]]:
    """The row of published_scores as SQLAlchemy reads it."""
    for name, value in zip(SCORE_NAMES, values, strict=True):
        if value is None:
            yield name, None
        elif name == "as_of":
            yield name, instant(value)
        elif name == "reasons":
            yield name, orjson.loads(value)
        elif name == "insufficient_data":
            yield name, bool(value)
        elif name.startswith("expected_next_order"):
            yield name, date.fromisoformat(value) if isinstance(value, str) else value
        else:
            yield name, value
