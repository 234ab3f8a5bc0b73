"""What is stored about one customer: published profile, history and scores, and what was posted over them since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from serving.state import scores
from serving.state.publications import current_generation
from serving.state.tables import CUSTOMERS, PUBLISHED_CUSTOMERS


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


def read(connection: Connection, customer_id: str) -> StoredCustomer | None:
    """The customer, with posted profile and consent over the published ones; None where neither is there."""
    found = read_many(connection, [customer_id])
    return found.get(customer_id)


def read_many(connection: Connection, customer_ids: Sequence[str]) -> dict[str, StoredCustomer]:
    """The customers that are known among these, by id."""
    published = connection.execute(
        select(PUBLISHED_CUSTOMERS).where(
            PUBLISHED_CUSTOMERS.c.generation == current_generation(), PUBLISHED_CUSTOMERS.c.customer_id.in_(customer_ids)
        )
    )
    posted = connection.execute(select(CUSTOMERS).where(CUSTOMERS.c.customer_id.in_(customer_ids)))
    old = {row.customer_id: row for row in published}
    new = {row.customer_id: row for row in posted}
    scored = scores.read_many(connection, list(old))
    return {known: _merged(known, old.get(known), new.get(known), scored.get(known)) for known in {**old, **new}}


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


def _merged(customer_id: str, published: Any, posted: Any, scored: Mapping[str, Any] | None) -> StoredCustomer:
    profile = {**(published.profile if published else {}), **(posted.profile if posted else {})}
    return StoredCustomer(
        customer_id=customer_id,
        generation=published.generation if published else 0,
        profile={name: value for name, value in profile.items() if value is not None},
        consent={**(published.consent if published else {}), **(posted.consent if posted else {})},
        contacts=published.contacts if published else (),
        history=published.history if published else None,
        scores=scored,
        stage=published.stage if published else None,
    )
