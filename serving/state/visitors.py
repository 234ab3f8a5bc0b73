"""Whom visitors turned out to be: as the home's history says (published), and as identify events that were posted since say.

The first identification counts, of equally early ones the lesser customer_id, as `features.sources` has it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    DateTime,
    Select,
    String,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from serving.state.publications import current_generation
from serving.state.tables import EVENTS, PUBLISHED_VISITORS

_IDENTIFY: Final[ColumnElement[str]] = literal_column("'identify'")


def customer_of_visitor(connection: Connection, visitor_id: str, before: datetime) -> str | None:
    """Who the visitor turned out to be before this instant; None where nobody was named."""
    found = _identities(connection, [visitor_id], before).get(visitor_id)
    return None if found is None else found[0]


def visitors_of_customer(connection: Connection, customer_id: str, before: datetime) -> dict[str, datetime]:
    """The visitors who turned out to be this customer before this instant, and nobody else earlier; each with the time when that was said."""
    named = [str(row[0]) for row in connection.execute(_NAMED, {"who": customer_id, "before": before})]
    if not named:
        return {}
    return {visitor_id: at for visitor_id, (who, at) in _identities(connection, named, before).items() if who == customer_id}


def _identities(connection: Connection, visitor_ids: Collection[str], before: datetime) -> dict[str, tuple[str, datetime]]:
    """(customer_id, when that was said) of those of these visitors who are known."""
    last_is_first = connection.execute(_IDENTITIES, {"visitors": list(visitor_ids), "before": before})
    return {row.visitor_id: (row.customer_id, row.at) for row in last_is_first}


def _said_by_events() -> Select[Any]:
    """visitor_id, customer_id and at (when) of every posted identify event."""
    at = EVENTS.c.occurred_at.label("at")
    named = (EVENTS.c.event_type == _IDENTIFY, EVENTS.c.visitor_id.is_not(None), EVENTS.c.customer_id.is_not(None))
    return select(EVENTS.c.visitor_id, EVENTS.c.customer_id, at).where(*named)


def _said_by_history() -> Select[Any]:
    """The same of every visitor whom the newest publication knows."""
    own = PUBLISHED_VISITORS.c
    return select(own.visitor_id, own.customer_id, own.identified_at.label("at")).where(own.generation == current_generation())


def _named() -> CompoundSelect[Any]:
    before, who = bindparam("before", type_=DateTime), bindparam("who", type_=String)
    events = _said_by_events().where(EVENTS.c.customer_id == who, EVENTS.c.occurred_at < before)
    history = _said_by_history().where(PUBLISHED_VISITORS.c.customer_id == who, PUBLISHED_VISITORS.c.identified_at < before)
    return events.with_only_columns(EVENTS.c.visitor_id).union(history.with_only_columns(PUBLISHED_VISITORS.c.visitor_id))


def _first_last() -> Select[Any]:
    """Whoever was named for the visitors, the one who counts after the others."""
    before, visitors = bindparam("before", type_=DateTime), bindparam("visitors", type_=String, expanding=True)
    events = _said_by_events().where(EVENTS.c.visitor_id.in_(visitors), EVENTS.c.occurred_at < before)
    history = _said_by_history().where(PUBLISHED_VISITORS.c.visitor_id.in_(visitors), PUBLISHED_VISITORS.c.identified_at < before)
    said = union_all(events, history).subquery("said").c
    first = func.min(said.at).label("at")
    return (
        select(said.visitor_id, said.customer_id, first)
        .group_by(said.visitor_id, said.customer_id)
        .order_by(first.desc(), said.customer_id.desc())
    )


# once: every request asks them, and making a statement costs more than asking it
_NAMED: Final = _named()
_IDENTITIES: Final = _first_last()
