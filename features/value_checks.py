"""Laws that hold in every row of a table of the contract: filled, not in the future, sane amounts, known words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import ibis

from features.contract import (
    CURRENCY,
    CUSTOMER_ID,
    DISCOUNT_AMOUNT,
    EVENT_TYPE,
    EVENTS,
    LINE_KIND,
    ORDER_ID,
    ORDERED_AT,
    ORDERS,
    PRODUCTS,
    QUANTITY,
    RETURN,
    SALE,
    UNIT_PRICE,
    VALUE,
    VISITOR_ID,
    Table,
)
from features.ingest.casting import is_json
from features.ingest.row_checks import ACTION_PROBABILITY, VOCABULARY

MEND: Final = "Mend the file it came from, and ingest it again."
_LAST_SCORE: Final = 10


@dataclass(frozen=True)
class Law:
    """What must hold in every row: where it is broken, the row in words, how bad that is, and what to do."""

    name: str
    broken: Any
    offender: Any
    severity: Literal["WARN", "FAIL"] = "FAIL"
    remedy: str = MEND


def laws(table: Table, rows: ibis.Table, *, currency: str, today: datetime) -> Iterator[Law]:
    """The laws of this table, whose columns and types are the contract's already."""
    key = rows[table.key[0]]
    empty = [rows[c].isnull() for c in table.required]
    names = ibis.cases(*((rows[c].isnull(), c) for c in table.required))
    place = ibis.literal(f"{table.key[0]} ") + key.fill_null("(empty)")
    yield Law("required columns are filled", ibis.or_(*empty), place + ": " + names + " is empty")
    if table.instant:
        yield from _instant_laws(table, rows, table.instant, today)
    for name, words in VOCABULARY.items():
        if name in table.names:
            yield Law(f"{name} is known", rows[name].notin(words), _said(rows, table, name), remedy=f"Known: {', '.join(words)}.")
    for column in table.columns:
        if column.kind == "json":
            text = rows[column.name]
            yield Law(f"{column.name} is JSON", text.notnull() & ~is_json(text), _said(rows, table, column.name))
    if table.name == ORDERS.name:
        yield from _order_laws(rows, currency)
    if table.name == PRODUCTS.name:
        yield Law("prices are not negative", (rows.list_price < 0) | (rows.unit_cost < 0), _said(rows, table, "list_price"), "WARN")
    if table.name == EVENTS.name:
        yield from _event_laws(rows)
    if ACTION_PROBABILITY in table.names:
        chance = rows[ACTION_PROBABILITY]
        yield Law("action_probability is above 0 up to 1", ~((chance > 0) & (chance <= 1)), _said(rows, table, ACTION_PROBABILITY))


def _instant_laws(table: Table, rows: ibis.Table, instant: str, today: datetime) -> Iterator[Law]:
    at, said = rows[instant], _said(rows, table, instant)
    tomorrow = ibis.literal(today + timedelta(days=1))
    yield Law("nothing lies in the future", at > tomorrow, said, remedy="Check timezone and date_format, too.")
    yield Law("nothing is older than 1970", at < ibis.literal(datetime(1970, 1, 2)), said, "WARN", "Check date_format in the mapping.")


def _order_laws(rows: ibis.Table, currency: str) -> Iterator[Law]:
    sold, quantity, price = rows[LINE_KIND] == SALE, rows[QUANTITY], rows[UNIT_PRICE]
    by_order = ibis.window(group_by=ORDER_ID)
    one = "Lines of different orders share an order_id: put store, day or till into it."
    yield Law("sales have a quantity above zero", sold & (quantity < 0), _said(rows, ORDERS, QUANTITY))
    yield Law("sales have a quantity that is not zero", sold & (quantity == 0), _said(rows, ORDERS, QUANTITY), "WARN")
    yield Law("returns have a quantity below zero", (rows[LINE_KIND] == RETURN) & (quantity > 0), _said(rows, ORDERS, QUANTITY))
    yield Law("sales have no negative price", sold & (price < 0), _said(rows, ORDERS, UNIT_PRICE))
    unpriced = "Map unit_price, or amount: without a price these lines have no value."
    yield Law("sales have a price", sold & price.isnull(), _said(rows, ORDERS, UNIT_PRICE), "WARN", unpriced)
    given, total = rows[DISCOUNT_AMOUNT], quantity * price
    yield Law(
        "discounts are within the line", sold & ((given < 0) | (given > total * 1.001 + 0.01)), _said(rows, ORDERS, DISCOUNT_AMOUNT), "WARN"
    )
    yield Law(f"currency is {currency}", rows[CURRENCY] != currency, _said(rows, ORDERS, CURRENCY), remedy="A home holds one currency.")
    people = (rows[CUSTOMER_ID].min().over(by_order) != rows[CUSTOMER_ID].max().over(by_order)).name("people")
    yield Law("an order has one customer", people, _said(rows, ORDERS, CUSTOMER_ID), "WARN", one)
    late = rows[ORDERED_AT] > rows[ORDERED_AT].min().over(by_order) + ibis.interval(days=1)
    yield Law("an order lies within a day", late, _said(rows, ORDERS, ORDERED_AT), "WARN", one)
    sales = sold.max().over(ibis.window())
    yield Law(
        "there are sales",
        ~sales,
        _said(rows, ORDERS, LINE_KIND),
        remedy="Check product_pattern and cancelled_order_pattern in the mapping.",
    )


def _event_laws(rows: ibis.Table) -> Iterator[Law]:
    nobody = rows[CUSTOMER_ID].isnull() & rows[VISITOR_ID].isnull()
    yield Law("somebody is named", nobody, _said(rows, EVENTS, EVENT_TYPE), remedy="Map customer_id or visitor_id.")
    score = rows[VALUE]
    outside = (rows[EVENT_TYPE] == "survey_answered") & ~score.between(0, _LAST_SCORE)
    yield Law("survey scores are 0 to 10", outside, _said(rows, EVENTS, VALUE), "WARN", "Bring scores to the scale of 0 to 10.")


def _said(rows: ibis.Table, table: Table, column: str) -> Any:
    key = table.key[0]
    return ibis.literal(f"{key} ") + rows[key].fill_null("(empty)") + f": {column} " + rows[column].cast("string").fill_null("(empty)")
