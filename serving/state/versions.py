"""Which state of a customer an answer rests on: the publication, and what was posted and recorded since, as one statement tells it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    CTE,
    Column,
    ColumnElement,
    Compiled,
    CompoundSelect,
    DateTime,
    Dialect,
    FromClause,
    ScalarSelect,
    Select,
    String,
    Table,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects import sqlite

from serving.state.database import State
from serving.state.events import MOST_ROWS
from serving.state.lookup import Lookup, Question, lookup
from serving.state.publications import current_generation
from serving.state.tables import CONTACTS, CUSTOMERS, EVENTS, ORDER_LINES, OUTCOMES, PUBLISHED_VISITORS

_SQLITE_INSTANT: Final = "%Y-%m-%d %H:%M:%S.%f"

# within the statement: only what differs between two questions is bound
_IDENTIFY: Final[ColumnElement[str]] = literal_column("'identify'")
_SPACE: Final = literal_column("' '", Text)
_NOTHING: Final = literal_column("''", Text)
_CONTACTS: Final = -2
"""Where the columns about contacts begin."""
_MOST: Final[ColumnElement[int]] = literal_column(str(MOST_ROWS))


@dataclass(frozen=True)
class Moment:
    """A customer, and the time before which things are seen."""

    customer_id: str
    before: datetime


def version_reader(state: State) -> Lookup[Moment]:
    """Finds what tells a customer's states apart, as `generation_of`, `version_of` and `version_with_contacts` read it.

    The newest publication; the last change of profile or consent; and of their order lines, of their events, and of the events and
    identifications of the visitors they turned out to be: how many of the newest there are, and when the last of them came. Rows that are not yet
    seen do not count, so that one which becomes visible makes another state. Outcomes and contacts say nothing of products: they stand apart.
    """
    if state.engine.dialect.name == "sqlite":
        one = select(bindparam("who", type_=String).label("who"), bindparam("before", type_=Text).label("before")).subquery("asked")
        return lookup(state, _question(_version(one).compile(dialect=_named()), _one, _moment_of_text))
    who, before = (bindparam(name, type_=ARRAY(kind)) for name, kind in (("who", String()), ("before", DateTime())))
    several = func.unnest(who, before).table_valued(Column("who", String), Column("before", DateTime), name="asked").render_derived()
    return lookup(state, _question(_version(several).compile(dialect=state.engine.dialect), _several, _moment))


def generation_of(row: Sequence[Any]) -> int:
    """The newest publication, 0 before the first."""
    return int(row[2] or 0)


def version_of(row: Sequence[Any]) -> tuple[Any, ...]:
    """What differs between two states, and is the same for one."""
    return tuple(row[2:_CONTACTS])


def version_with_contacts(row: Sequence[Any]) -> tuple[Any, ...]:
    """The same of all that is known of them, contacts and outcomes too."""
    return tuple(row[2:])


def _named() -> Dialect:
    """SQLite's driver with names for what is bound: a customer's id is bound once and read in many places."""
    dialect: Dialect = sqlite.dialect(paramstyle="named")
    return dialect


def _question(
    compiled: Compiled, bound: Callable[[Sequence[Moment]], dict[str, Any]], moment: Callable[[Sequence[Any]], Moment]
) -> Question[Moment]:
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Question(str(compiled), lambda moments: {**constants, **bound(moments)}, moment)


def _version(asked: FromClause) -> Select[Any]:
    who, visitors = asked.c.who, _visitors(asked)
    theirs = select(visitors.c.visitor_id).where(visitors.c.who == who).correlate(asked)
    of_theirs = EVENTS.c.visitor_id.in_(theirs)
    # || hides the id from its index: by that, everybody's anonymous events would be read
    anonymous = (EVENTS.c.customer_id + _NOTHING).is_(None)
    put = select(CUSTOMERS.c.updated_at).where(CUSTOMERS.c.customer_id == who).correlate(asked)
    return select(
        who,
        asked.c.before,
        current_generation(),
        put.scalar_subquery(),
        _stamp(asked, ORDER_LINES, ORDER_LINES.c.customer_id == who, ORDER_LINES.c.ordered_at),
        _stamp(asked, EVENTS, EVENTS.c.customer_id == who, EVENTS.c.occurred_at),
        _stamp(asked, EVENTS, of_theirs & anonymous, EVENTS.c.occurred_at),
        _stamp(asked, EVENTS, of_theirs & (EVENTS.c.event_type == _IDENTIFY), EVENTS.c.occurred_at),
        *_contacts(asked, union_all(select(who).correlate(asked), theirs)),
    )


def _visitors(asked: FromClause) -> CTE:
    """Whom they turned out to be (who, visitor_id), found once for all that is asked of them."""
    mine, known = EVENTS.alias("mine"), PUBLISHED_VISITORS.c
    identified = (mine.c.customer_id == asked.c.who) & (mine.c.event_type == _IDENTIFY) & mine.c.visitor_id.is_not(None)
    posted = select(asked.c.who, mine.c.visitor_id).join_from(asked, mine, identified)
    published = (known.generation == current_generation()) & (known.customer_id == asked.c.who)
    return union_all(posted, select(asked.c.who, known.visitor_id).join_from(asked, PUBLISHED_VISITORS, published)).cte("visitors")


def _contacts(asked: FromClause, subjects: CompoundSelect[Any]) -> Iterator[ScalarSelect[Any]]:
    """How many contacts with them there are, and of the outcomes of these that are seen how many, and when the last of them came."""
    with_them = CONTACTS.c.subject_id.in_(subjects)  # one list: an OR would look through all contacts
    yield select(cast(func.count(), Text)).select_from(CONTACTS).where(with_them).correlate(asked).scalar_subquery()
    decisions = select(CONTACTS.c.decision_id).where(with_them).correlate(asked)
    seen = OUTCOMES.c.decision_id.in_(decisions) & (OUTCOMES.c.occurred_at < asked.c.before)
    count, last = cast(func.count(), Text), cast(func.max(OUTCOMES.c.received_at), Text)
    told = select(count + _SPACE + func.coalesce(last, _SPACE)).select_from(OUTCOMES).where(seen)
    yield told.correlate(asked).scalar_subquery()


def _stamp(asked: FromClause, table: Table, whose: ColumnElement[bool], at: Column[Any]) -> ScalarSelect[Any]:
    """How many rows a request would read, and when the last of them came: rows are added and removed, and never change."""
    seen = select(table.c.received_at).where(whose, at < asked.c.before).order_by(at.desc()).limit(_MOST)
    rows = seen.correlate(asked).subquery()
    count, last = cast(func.count(), Text), cast(func.max(rows.c.received_at), Text)
    return select(count + _SPACE + func.coalesce(last, _SPACE)).select_from(rows).scalar_subquery()


def _one(moments: Sequence[Moment]) -> dict[str, Any]:
    (moment,) = moments
    return {"who": moment.customer_id, "before": moment.before.strftime(_SQLITE_INSTANT)}


def _several(moments: Sequence[Moment]) -> dict[str, Any]:
    return {"who": [moment.customer_id for moment in moments], "before": [moment.before for moment in moments]}


def _moment(row: Sequence[Any]) -> Moment:
    return Moment(row[0], row[1])


def _moment_of_text(row: Sequence[Any]) -> Moment:
    return Moment(row[0], datetime.strptime(row[1], _SQLITE_INSTANT))
