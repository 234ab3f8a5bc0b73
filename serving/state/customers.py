"""What is stored about one customer: published profile, history and scores, and what was posted over them since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from serving.state.tables import CUSTOMERS
from serving.state.upserts import insert_into


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


def put_profile(connection: Connection, customer_id: str, profile: Mapping[str, Any], at: datetime) -> None:
    """Stores these profile fields over the customer's other ones; a field that is None is forgotten."""
    _put(connection, customer_id, at, profile=profile)


def put_consent(connection: Connection, customer_id: str, consent: Mapping[str, bool], at: datetime) -> None:
    """Stores consent for these channels over the customer's other ones."""
    _put(connection, customer_id, at, consent=consent)


def _put(connection: Connection, customer_id: str, at: datetime, **columns: Mapping[str, Any]) -> None:
    empty = {"customer_id": customer_id, "profile": {}, "consent": {}, "updated_at": at}
    connection.execute(insert_into(CUSTOMERS, connection.dialect.name).values(empty).on_conflict_do_nothing())
    row = connection.execute(select(CUSTOMERS).where(CUSTOMERS.c.customer_id == customer_id).with_for_update()).one()
    merged = {name: {**row._mapping[name], **given} for name, given in columns.items()}
    connection.execute(CUSTOMERS.update().where(CUSTOMERS.c.customer_id == customer_id).values(updated_at=at, **merged))
