"""What is stored about one customer: published profile, history and scores, and what was posted over them since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from serving.state.publications import current_generation
from serving.state.tables import CONTACTS, CUSTOMERS, EVENTS, ORDER_LINES, PUBLISHED_CUSTOMERS, PUBLISHED_SCORES, PUBLISHED_VISITORS


@dataclass(frozen=True)
class Posted:
    """What may have been posted of a customer: False says that nothing of the kind was, under their own id, and that no visitor of the home's
    history is them.
    """

    lines: bool = True
    events: bool = True
    contacts: bool = True
    visitors: bool = True


@dataclass(frozen=True)
class StoredCustomer:
    """One customer as stored. `generation` is the publication read, 0 where the customer is in none; `contacts` are the published ones.

    `scores` is their row of `published_scores`, None where they have none.
    """

    customer_id: str
    generation: int
    profile: Mapping[str, Any]
    consent: Mapping[str, bool]
    contacts: Sequence[Mapping[str, Any]]
    history: bytes | None
    scores: Mapping[str, Any] | None
    stage: str | None
    posted: Posted = Posted()


def read(connection: Connection, customer_id: str) -> StoredCustomer | None:
    """The customer, with posted profile and consent over the published ones; None where neither is there."""
    found = read_many(connection, [customer_id])
    return found.get(customer_id)


def read_many(connection: Connection, customer_ids: Sequence[str]) -> dict[str, StoredCustomer]:
    """The customers that are known among these, by id: all that are published by one statement, the others by another."""
    found = {row[0]: _published(row) for row in connection.execute(_PUBLISHED, {"customer_ids": list(customer_ids)})}
    others = [customer_id for customer_id in customer_ids if customer_id not in found]
    posted = connection.execute(_POSTED_ALONE, {"customer_ids": others}) if others else ()
    return found | {row.customer_id: _posted_alone(row) for row in posted}


def put_profile(connection: Connection, customer_id: str, profile: Mapping[str, Any], at: datetime) -> None:
    """Stores these profile fields over the customer's other ones; a field that is None is forgotten."""
    _put(connection, customer_id, at, profile=profile)


def put_consent(connection: Connection, customer_id: str, consent: Mapping[str, bool], at: datetime) -> None:
    """Stores consent for these channels over the customer's other ones."""
    _put(connection, customer_id, at, consent=consent)


def _put(connection: Connection, customer_id: str, at: datetime, **columns: Mapping[str, Any]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    empty = {"customer_id": customer_id, "profile": {}, "consent": {}, "updated_at": at}
    connection.execute(dialect.insert(CUSTOMERS).values(empty).on_conflict_do_nothing())
    row = connection.execute(select(CUSTOMERS).where(CUSTOMERS.c.customer_id == customer_id).with_for_update()).one()
    merged = {name: {**row._mapping[name], **given} for name, given in columns.items()}
    connection.execute(CUSTOMERS.update().where(CUSTOMERS.c.customer_id == customer_id).values(updated_at=at, **merged))


def _published(row: Sequence[Any]) -> StoredCustomer:
    customer_id, generation, profile, consent, contacts, history, stage, new_profile, new_consent, *more = row
    *scores, lines, events, contacted, visited = more
    return StoredCustomer(
        customer_id=customer_id,
        generation=generation,
        profile=_without_missing({**profile, **(new_profile or {})}),
        consent={**consent, **(new_consent or {})},
        contacts=contacts,
        history=history,
        scores=None if scores[0] is None else dict(zip(_SCORE_NAMES, scores, strict=True)),
        stage=stage,
        posted=Posted(bool(lines), bool(events), bool(contacted), bool(visited)),
    )


def _posted_alone(row: Row[Any]) -> StoredCustomer:
    return StoredCustomer(
        row.customer_id, 0, _without_missing(row.profile), consent=row.consent, contacts=(), history=None, scores=None, stage=None
    )


def _without_missing(profile: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in profile.items() if value is not None}


def _of_the_published() -> Select[Any]:
    """Everything about published customers in one row each: what was published, what was posted over it, and whether rows were."""
    own, score = PUBLISHED_CUSTOMERS.c, PUBLISHED_SCORES.c
    mine = (own.customer_id, own.generation, own.profile, own.consent, own.contacts, own.history, own.stage)
    whose = (ORDER_LINES.c.customer_id, EVENTS.c.customer_id, CONTACTS.c.subject_id)
    rows = [exists().where(owner == own.customer_id).label(f"has_{owner.table.name}") for owner in whose]
    visited = (PUBLISHED_VISITORS.c.generation == own.generation) & (PUBLISHED_VISITORS.c.customer_id == own.customer_id)
    rows.append(exists().where(visited).label("has_visitors"))
    scored = (score.generation == own.generation) & (score.customer_id == own.customer_id)
    joined = PUBLISHED_CUSTOMERS.outerjoin(PUBLISHED_SCORES, scored).outerjoin(CUSTOMERS, CUSTOMERS.c.customer_id == own.customer_id)
    asked = own.customer_id.in_(bindparam("customer_ids", expanding=True))
    wanted = select(*mine, CUSTOMERS.c.profile, CUSTOMERS.c.consent, *PUBLISHED_SCORES.c, *rows).select_from(joined)
    return wanted.where(own.generation == current_generation(), asked)


# once: every request asks them, and making a statement costs more than asking it
_SCORE_NAMES = tuple(PUBLISHED_SCORES.c.keys())
_PUBLISHED = _of_the_published()
_POSTED_ALONE = select(CUSTOMERS).where(CUSTOMERS.c.customer_id.in_(bindparam("customer_ids", expanding=True)))
