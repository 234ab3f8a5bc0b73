"""Publications: generations of published customers and products, of which readers see the newest complete one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, ScalarSelect, delete, func, insert, select, update

from serving.state.copying import copy_rows
from serving.state.tables import PUBLICATIONS, PUBLISHED_CUSTOMERS, PUBLISHED_PRODUCTS, PUBLISHED_SCORES, PUBLISHED_VISITORS

SCORES_KEPT: Final = 3
SCORES_KEPT_FOR: Final = timedelta(days=1)


@dataclass(frozen=True)
class Publication:
    """One complete publication: its generation, the time up to which its histories reach, and facts about all customers together."""

    generation: int
    as_of: datetime
    facts: dict[str, Any]

    @property
    def facts_as_of(self) -> datetime:
        """The time that the facts are of: earlier than `as_of` where histories reach further."""
        return datetime.fromisoformat(self.facts["as_of"]) if "as_of" in self.facts else self.as_of


class CustomerRow(NamedTuple):
    """A customer as published: JSON as bytes of text, and the history's own bytes."""

    customer_id: str
    profile: bytes
    consent: bytes
    contacts: bytes
    history: bytes | None
    stage: str | None


def current_generation() -> ScalarSelect[int]:
    """The generation that readers see, as a part of their own query."""
    return select(func.max(PUBLICATIONS.c.generation)).where(PUBLICATIONS.c.complete).scalar_subquery()


def current(connection: Connection) -> Publication | None:
    """The newest complete publication; None before the first."""
    row = connection.execute(select(PUBLICATIONS).where(PUBLICATIONS.c.generation == current_generation())).one_or_none()
    return None if row is None else Publication(row.generation, row.as_of, row.facts)


def products(connection: Connection, generation: int) -> list[Any]:
    """The products of a generation, as rows of the table."""
    return list(connection.execute(select(PUBLISHED_PRODUCTS).where(PUBLISHED_PRODUCTS.c.generation == generation)))


def begin(connection: Connection, *, as_of: datetime, started_at: datetime) -> int:
    """A new generation, not yet visible, and its number."""
    newest = connection.execute(select(func.max(PUBLICATIONS.c.generation))).scalar() or 0
    row: dict[str, Any] = {"generation": newest + 1, "complete": False, "as_of": as_of, "started_at": started_at, "facts": {}}
    connection.execute(insert(PUBLICATIONS), [row])
    return int(newest) + 1


def add_customers(connection: Connection, generation: int, rows: Iterable[CustomerRow]) -> None:
    """Writes customers of this generation."""
    copy_rows(connection, PUBLISHED_CUSTOMERS, ("generation", *CustomerRow._fields), ((generation, *row) for row in rows))


def add_products(connection: Connection, generation: int, rows: Sequence[dict[str, Any]]) -> None:
    """Writes products of this generation: product_id, name, category, available, available_from, list_price, image_url, attributes,
    widest_category, price_level.
    """
    if rows:
        connection.execute(insert(PUBLISHED_PRODUCTS), [{"generation": generation, **row} for row in rows])


def add_visitors(connection: Connection, generation: int, rows: Sequence[dict[str, Any]]) -> None:
    """Writes visitors of this generation, and whom they turned out to be: visitor_id, customer_id, identified_at."""
    if rows:
        connection.execute(insert(PUBLISHED_VISITORS), [{"generation": generation, **row} for row in rows])


def complete(connection: Connection, generation: int, facts: dict[str, Any]) -> None:
    """Makes this generation the one that readers see."""
    connection.execute(update(PUBLICATIONS).where(PUBLICATIONS.c.generation == generation).values(complete=True, facts=facts))


def remove_others(connection: Connection, generation: int, at: datetime) -> None:
    """Removes every older generation, and newer ones that a crash left unfinished before this one began.

    Of the last SCORES_KEPT generations the scores stay, each for SCORES_KEPT_FOR after the next one began: somebody may be paging through
    them. `at` is now.
    """
    kept = _with_scores(connection, generation, at)
    for table in (PUBLISHED_CUSTOMERS, PUBLISHED_PRODUCTS, PUBLISHED_VISITORS):
        connection.execute(delete(table).where(table.c.generation < generation))
    for table in (PUBLISHED_SCORES, PUBLICATIONS):
        connection.execute(delete(table).where(table.c.generation < generation, table.c.generation.not_in(kept)))


def _with_scores(connection: Connection, generation: int, at: datetime) -> list[int]:
    """The generations whose scores stay, besides the newest."""
    complete = select(PUBLICATIONS.c.generation, PUBLICATIONS.c.started_at).where(PUBLICATIONS.c.complete)
    newest_first = complete.where(PUBLICATIONS.c.generation <= generation).order_by(PUBLICATIONS.c.generation.desc())
    rows = connection.execute(newest_first.limit(SCORES_KEPT)).all()
    return [old.generation for new, old in pairwise(rows) if at - new.started_at < SCORES_KEPT_FOR]
