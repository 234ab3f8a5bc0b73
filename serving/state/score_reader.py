"""The one read that the commonest answer needs: the newest published score of a customer of whom nothing was posted since."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, Column, ColumnElement, String, Text, any_, bindparam, cast, exists, literal_column, select

from serving.state.database import State
from serving.state.lookup import Lookup, Question, lookup
from serving.state.publications import current_generation
from serving.state.tables import CONTACTS, CUSTOMERS, EVENTS, ORDER_LINES, PUBLISHED_SCORES

POSTED: Final[Sequence[Column[Any]]] = (ORDER_LINES.c.customer_id, EVENTS.c.customer_id, CONTACTS.c.subject_id, CUSTOMERS.c.customer_id)
"""Where a customer's id stands once something of theirs was posted."""
_SCORE: Final = PUBLISHED_SCORES.c
_ANSWERED: Final[Sequence[ColumnElement[Any]]] = (
    _SCORE.customer_id,
    _SCORE.stage,
    _SCORE.churn_probability,
    _SCORE.horizon_days,
    _SCORE.as_of,
    _SCORE.band,
    _SCORE.percentile,
    _SCORE.percentile_in_stage.label("percentile_within_stage"),
    _SCORE.segment,
    _SCORE.persona,
    _SCORE.expected_next_order_on,
    _SCORE.expected_next_order_from,
    _SCORE.expected_next_order_until,
    _SCORE.average_days_between_orders,
    _SCORE.expected_orders,
    _SCORE.expected_spend,
    _SCORE.clv,
    _SCORE.historic_value,
    cast(_SCORE.reasons, Text).label("reasons"),
    _SCORE.model_version,
    literal_column("'published'").label("source"),
    _SCORE.insufficient_data,
    _SCORE.why,
)
NAMES: Final = tuple(str(column.name) for column in _ANSWERED)
"""What a row holds, in this order, in the driver's own types: instants and days of SQLite are ISO text, its flags numbers; `reasons` is JSON."""


def score_reader(state: State) -> Lookup[str]:
    """Finds the newest published score, as `NAMES` has it, of a customer of whom nothing was posted."""
    if state.engine.dialect.name == "sqlite":
        one = _compiled(state, _SCORE.customer_id == bindparam("customer_id"))
        return lookup(state, Question(one, tuple, _customer_id))
    several = _compiled(state, _SCORE.customer_id == any_(bindparam("customer_ids", type_=ARRAY(String))))
    return lookup(state, Question(several, lambda customer_ids: {"customer_ids": customer_ids}, _customer_id))


def _customer_id(row: Sequence[Any]) -> str:
    return str(row[0])


def _compiled(state: State, whose: ColumnElement[bool]) -> str:
    """The statement as the driver takes it."""
    posted = [exists().where(owner == _SCORE.customer_id) for owner in POSTED]
    newest = select(*_ANSWERED).where(_SCORE.generation == current_generation(), whose, *(~one for one in posted))
    return str(newest.compile(dialect=state.engine.dialect))
