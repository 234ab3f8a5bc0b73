"""What may be wrong with one row of an outside file: conditions in the order in which they are tried."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import ibis

from features.contract import (
    CURRENCY,
    CUSTOMER_ID,
    EVENT_TYPE,
    EVENT_TYPES,
    EVENTS,
    FEE,
    JOINED_AT,
    LINE_KIND,
    ORDERS,
    OUTCOME_TYPE,
    OUTCOME_TYPES,
    RETURN,
    SALE,
    STAGE,
    STAGES,
    VISITOR_ID,
    Column,
    Table,
)
from features.ingest.binding import SET_BY_INGEST
from features.ingest.casting import NOT_A_NUMBER, NOT_AN_INSTANT, WRONG

ANONYMOUS: Final = "no customer"
LEFT_OUT: Final = "left out, as the mapping says"
MISFIT: Final = "lines with another number of columns, or a quotation mark that is not closed"
EMPTY: Final = "empty"
IN_FUTURE: Final = "in the future"
TOO_OLD: Final = "before 1970"
ACTION_PROBABILITY: Final = "action_probability"
NOT_LIKELY: Final = "not above 0 up to 1"
VOCABULARY: Final = {EVENT_TYPE: EVENT_TYPES, OUTCOME_TYPE: OUTCOME_TYPES, STAGE: STAGES, LINE_KIND: (SALE, RETURN, FEE)}
_EARLIEST: Final = datetime(1970, 1, 2)
_GRACE: Final = timedelta(days=1)
_NOTHING: Final = ibis.null("string")


@dataclass(frozen=True)
class Problem:
    """A reason not to take a row: where it holds, and the text that stands there."""

    reason: str
    holds: Any
    text: Any


def problems(
    rows: ibis.Table, table: Table, columns: Iterable[Column], texts: Mapping[str, Any], *, today: datetime, currencies: Collection[str]
) -> Iterator[Problem]:
    """Every problem that a cast row may have; a row's first one counts. An order line without customer comes first.

    `rows` has the value of each column under its name, and its text (where there is no value at least) under `text_name(name)`; `texts` are
    those to show. The first of `currencies` is the home's.
    """
    if table.name == ORDERS.name:
        yield Problem(ANONYMOUS, rows[CUSTOMER_ID].isnull(), _NOTHING)
    if table.name == EVENTS.name:
        who = [rows[c] for c in (CUSTOMER_ID, VISITOR_ID) if c in rows.columns]
        yield Problem(f"{CUSTOMER_ID} and {VISITOR_ID}: {EMPTY}", ibis.coalesce(*who).isnull(), _NOTHING)
    for column in columns:
        name, value, text = column.name, rows[column.name], texts[column.name]
        if column.kind in WRONG:
            yield Problem(f"{name}: {WRONG[column.kind]}", rows[text_name(name)].notnull() & value.isnull(), text)
        if name in table.required and name not in SET_BY_INGEST:
            yield Problem(f"{name}: {EMPTY}", value.isnull(), _NOTHING)
        for phrase, holds in _of_value(name, value, table, today=today, currencies=currencies):
            yield Problem(f"{name}: {phrase}", holds, text)


def text_name(name: str) -> str:
    """Under which name the text of a cast column stands."""
    return f"__text_{name}"


def remedy(reason: str, table: Table) -> str:
    """What a user can do about rows with this problem."""
    return f"{_advice(reason, table)} Or pass --drop-bad-rows to leave such rows out."


def _of_value(name: str, value: Any, table: Table, *, today: datetime, currencies: Collection[str]) -> Iterator[tuple[str, Any]]:
    if name in (table.instant, JOINED_AT):
        yield IN_FUTURE, value > ibis.literal(today + _GRACE)
    if name == table.instant:
        yield TOO_OLD, value < ibis.literal(_EARLIEST)
    if name in VOCABULARY:
        yield f"not one of {', '.join(VOCABULARY[name])}", value.notin(VOCABULARY[name])
    if name == CURRENCY:
        yield f"not {' or '.join(currencies)}", value.notin(list(currencies))
    if name == ACTION_PROBABILITY:
        yield NOT_LIKELY, (value <= 0) | (value > 1)


def _advice(reason: str, table: Table) -> str:
    if reason == MISFIT:
        return "Check the file at that line, and the separator in the mapping."
    column, _, phrase = reason.partition(": ")
    if phrase == NOT_AN_INSTANT:
        return f'Say how they are written in the mapping, e.g. {{{table.name}: {{date_format: "%d/%m/%Y %H:%M"}}}}.'
    if phrase == NOT_A_NUMBER:
        return f'Mend them; if commas are decimal, say so in the mapping: {{{table.name}: {{decimal: ","}}}}.'
    if phrase == IN_FUTURE:
        return f"Check the column, its date_format and its timezone in the mapping of {table.name}."
    if column in VOCABULARY:
        return f"Say in the mapping what your words mean: {{{table.name}: {{values: {{{column}: {{yours: {VOCABULARY[column][0]}}}}}}}}}."
    if column == CURRENCY:
        return (
            "A home holds one currency: give its rate into the home's in the mapping, e.g. {orders: {currencies: {USD: 0.92}}},"
            " or start another home with NEXTBEST_CURRENCY set."
        )
    return "Mend them in the file, or map another column."
