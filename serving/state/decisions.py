"""Decisions and their outcomes: written before they are answered, and read as one customer's contact history."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from serving.state.inserts import insert_new
from serving.state.tables import DECISIONS, OUTCOMES

MOST_CONTACTS = 500
"""Decisions of one customer that a request reads, the newest ones."""


def add(connection: Connection, row: dict[str, Any]) -> bool:
    """Stores a decision (a row of the table); False if its id is taken already."""
    return bool(insert_new(connection, DECISIONS, [row]))


def find(connection: Connection, decision_id: str) -> dict[str, Any] | None:
    """The decision as it was recorded; None where there is none."""
    row = connection.execute(select(DECISIONS).where(DECISIONS.c.decision_id == decision_id)).one_or_none()
    return None if row is None else dict(row._mapping)


def known(connection: Connection, decision_ids: Collection[str]) -> set[str]:
    """Those of these ids that are recorded decisions."""
    found: set[str] = set()
    ids = sorted(set(decision_ids))
    for start in range(0, len(ids), 1000):
        found |= set(
            connection.execute(select(DECISIONS.c.decision_id).where(DECISIONS.c.decision_id.in_(ids[start : start + 1000]))).scalars()
        )
    return found


def add_outcomes(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Stores outcomes (rows of the table) and returns how many of them were new, by event_id."""
    return len(insert_new(connection, OUTCOMES, rows))


def outcomes_of(connection: Connection, decision_id: str) -> list[dict[str, Any]]:
    """The decision's outcomes, oldest first."""
    ordered = select(OUTCOMES).where(OUTCOMES.c.decision_id == decision_id).order_by(OUTCOMES.c.occurred_at, OUTCOMES.c.event_id)
    return [dict(row._mapping) for row in connection.execute(ordered)]


def contacts_of_customer(connection: Connection, customer_id: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """The customer's decisions in [since, until], oldest first: decision_id, action_id, channel, decided_at, outcomes (their types)."""
    return _contacts(connection, DECISIONS.c.customer_id == customer_id, since, until)


def contacts_of_visitor(connection: Connection, visitor_id: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """The visitor's decisions in [since, until], like `contacts_of_customer`."""
    return _contacts(connection, DECISIONS.c.visitor_id == visitor_id, since, until)


def _contacts(connection: Connection, who: Any, since: datetime, until: datetime) -> list[dict[str, Any]]:
    columns = (DECISIONS.c.decision_id, DECISIONS.c.action_id, DECISIONS.c.channel, DECISIONS.c.decided_at)
    recent = (
        select(*columns)
        .where(who, DECISIONS.c.decided_at >= since, DECISIONS.c.decided_at <= until)
        .order_by(DECISIONS.c.decided_at.desc(), DECISIONS.c.decision_id)
        .limit(MOST_CONTACTS)
        .subquery()
    )
    joined = (
        select(recent, OUTCOMES.c.outcome_type)
        .outerjoin(OUTCOMES, OUTCOMES.c.decision_id == recent.c.decision_id)
        .order_by(recent.c.decided_at, recent.c.decision_id, OUTCOMES.c.occurred_at, OUTCOMES.c.event_id)
    )
    contacts: dict[str, dict[str, Any]] = {}
    for row in connection.execute(joined):
        contact = contacts.setdefault(row.decision_id, {**dict(row._mapping), "outcomes": []})
        contact.pop("outcome_type", None)
        if row.outcome_type is not None:
            contact["outcomes"].append(row.outcome_type)
    return list(contacts.values())
