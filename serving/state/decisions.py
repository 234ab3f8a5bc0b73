"""Decisions and their outcomes: written before they are answered."""

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import ARRAY, Connection, String, bindparam, select, text

from serving.state.inserts import insert_new
from serving.state.tables import CONTACTS, DECISIONS, OUTCOMES

MOST_CONTACTS = 500
"""Contacts of one customer that a request reads, the newest ones."""


def add(connection: Connection, row: dict[str, Any], contacts: Sequence[dict[str, Any]]) -> bool:
    """Stores a decision and its contacts (rows of the tables); False, and nothing stored, if its id is taken already."""
    if not insert_new(connection, DECISIONS, [row]):
        return False
    insert_new(connection, CONTACTS, contacts)
    return True


def add_many(connection: Connection, rows: Sequence[dict[str, Any]], contacts: Sequence[dict[str, Any]]) -> set[str]:
    """Stores many decisions and their contacts, and returns the ids of those that were new: of the others nothing is stored.

    A `record` or `request` that is JSON already is given as `orjson.Fragment(text)`.
    """
    new = {str(key[0]) for key in insert_new(connection, DECISIONS, rows)}
    insert_new(connection, CONTACTS, [contact for contact in contacts if contact["decision_id"] in new])
    return new


def find(connection: Connection, decision_id: str) -> dict[str, Any] | None:
    """The decision as it was recorded; None where there is none."""
    row = connection.execute(select(DECISIONS).where(DECISIONS.c.decision_id == decision_id)).one_or_none()
    return None if row is None else dict(row._mapping)


def find_many(connection: Connection, decision_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Those of these decisions that are recorded, by their ids."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(decision_ids), 1000):
        rows = connection.execute(select(DECISIONS).where(DECISIONS.c.decision_id.in_(decision_ids[start : start + 1000])))
        found |= {row.decision_id: dict(row._mapping) for row in rows}
    return found


def take_turn(connection: Connection, subject_ids: Collection[str]) -> None:
    """Waits until no other transaction decides about any of these subjects; SQLite writes one transaction at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(_TURNS, {"who": list(subject_ids)})


def contact_counts(connection: Connection, subject_ids: Collection[str]) -> dict[str, int]:
    """How many contacts of each of these subjects are recorded, of those who have any: the same number again says that nobody decided about them in between."""
    several = list(subject_ids)
    asked = several if connection.dialect.name == "postgresql" else orjson.dumps(several).decode()
    return {row[0]: row[1] for row in connection.execute(_COUNTS[connection.dialect.name], {"who": asked})}


def channels_of(connection: Connection, decision_ids: Collection[str]) -> dict[str, tuple[str | None, str | None]]:
    """(customer_id, channel) of those of these ids that are recorded decisions."""
    found: dict[str, tuple[str | None, str | None]] = {}
    ids = sorted(set(decision_ids))
    columns = (DECISIONS.c.decision_id, DECISIONS.c.customer_id, DECISIONS.c.channel)
    for start in range(0, len(ids), 1000):
        rows = connection.execute(select(*columns).where(DECISIONS.c.decision_id.in_(ids[start : start + 1000])))
        found |= {row.decision_id: (row.customer_id, row.channel) for row in rows}
    return found


def add_outcomes(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Stores outcomes (rows of the table) and returns the ids of those that were new."""
    return {str(key[0]) for key in insert_new(connection, OUTCOMES, rows)}


def outcomes_of(connection: Connection, decision_id: str) -> list[dict[str, Any]]:
    """The decision's outcomes, oldest first."""
    ordered = select(OUTCOMES).where(OUTCOMES.c.decision_id == decision_id).order_by(OUTCOMES.c.occurred_at, OUTCOMES.c.event_id)
    return [dict(row._mapping) for row in connection.execute(ordered)]


# once: every request asks them, and making a statement costs more than asking it
_COUNTS = {
    "sqlite": text("SELECT subject_id, count(*) FROM contacts WHERE subject_id IN (SELECT value FROM json_each(:who)) GROUP BY subject_id"),
    "postgresql": text("SELECT subject_id, count(*) FROM contacts WHERE subject_id = ANY(:who) GROUP BY subject_id"),
}
# in one order everywhere, or two would wait for each other
_TURNS = text(
    "SELECT pg_advisory_xact_lock(turn) FROM (SELECT DISTINCT hashtextextended(each, 713) AS turn FROM unnest(:who) AS each ORDER BY turn) AS turns"
).bindparams(bindparam("who", type_=ARRAY(String)))
