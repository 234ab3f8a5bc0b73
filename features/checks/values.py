"""Laws that hold in every row of a table of the contract: filled, not in the future, sane amounts, known words."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import available_timezones

import ibis

from features.checks.laws import Law, all_rows
from features.contract import (
    CURRENCY,
    CUSTOMER_ID,
    CUSTOMERS,
    DISCOUNT_AMOUNT,
    EVENT_TYPE,
    EVENTS,
    LINE_KIND,
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

_LAST_SCORE: Final = 10
TIMEZONE: Final = "timezone"
"""A column beside the contract's that decisions read: where the customer's clock stands."""


def value_laws(table: Table, rows: ibis.Table, *, currency: str, today: datetime) -> Iterator[Law]:
    """The laws of this table, whose columns and types are the contract's already."""
    key = rows[table.key[0]]
    empty = [rows[c].isnull() for c in table.required]
    names = ibis.cases(*((rows[c].isnull(), c) for c in table.required))
    place = ibis.literal(f"{table.key[0]} ") + key.fill_null("(empty)")
    meaning = f"Rows without {', '.join(table.required)}."
    yield Law("required columns are filled", ibis.or_(*empty), place + ": " + names + " is empty", meaning)
    if table.instant:
        yield from _instant_laws(table, rows, table.instant, today)
    yield from _word_laws(table, rows)
    if table is ORDERS:
        yield from _order_laws(rows, currency)
    if table is PRODUCTS:
        odd = (rows.list_price < 0) | (rows.unit_cost < 0)
        said = _said(rows, table, "list_price")
        yield Law("prices are not negative", odd, said, "Products with a list_price or unit_cost below zero.", "WARN")
    if table is EVENTS:
        yield from _event_laws(rows)
    if table is CUSTOMERS and TIMEZONE in rows.columns:
        yield _zone_law(rows)


def _instant_laws(table: Table, rows: ibis.Table, instant: str, today: datetime) -> Iterator[Law]:
    at, said = rows[instant], _said(rows, table, instant)
    tomorrow = ibis.literal(today + timedelta(days=1))
    remedy = "Check timezone and date_format, too."
    yield Law("nothing lies in the future", at > tomorrow, said, f"Rows whose {instant} lies over a day ahead of the clock.", remedy=remedy)
    ancient = at < ibis.literal(datetime(1970, 1, 2))
    remedy = "Check date_format in the mapping."
    yield Law("nothing is older than 1970", ancient, said, f"Rows whose {instant} lies before computers counted time.", "WARN", remedy)


def _word_laws(table: Table, rows: ibis.Table) -> Iterator[Law]:
    for name, words in VOCABULARY.items():
        if name in table.names:
            meaning, remedy = f"Rows whose {name} is none of the contract's words.", f"Known: {', '.join(words)}."
            yield Law(f"{name} is known", rows[name].notin(words), _said(rows, table, name), meaning, remedy=remedy)
    for column in table.columns:
        if column.kind == "json":
            text = rows[column.name]
            odd, meaning = text.notnull() & ~is_json(text), f"Rows whose {column.name} cannot be read as JSON."
            yield Law(f"{column.name} is JSON", odd, _said(rows, table, column.name), meaning)
    if ACTION_PROBABILITY in table.names:
        chance = rows[ACTION_PROBABILITY]
        odd, said = ~((chance > 0) & (chance <= 1)), _said(rows, table, ACTION_PROBABILITY)
        yield Law("action_probability is above 0 up to 1", odd, said, "Decisions whose probability is none, or zero.")


def _order_laws(rows: ibis.Table, currency: str) -> Iterator[Law]:
    kind, quantity, price = rows[LINE_KIND], rows[QUANTITY], rows[UNIT_PRICE]
    sold, given = kind == SALE, rows[DISCOUNT_AMOUNT]
    pieces, prices = _said(rows, ORDERS, QUANTITY), _said(rows, ORDERS, UNIT_PRICE)
    yield Law("sales have a quantity above zero", sold & (quantity < 0), pieces, "Sales with a negative quantity.")
    yield Law("sales have a quantity that is not zero", sold & (quantity == 0), pieces, "Sales of nothing.", "WARN")
    yield Law("returns have a quantity below zero", (kind == RETURN) & (quantity > 0), pieces, "Returns with a positive quantity.")
    yield Law("sales have no negative price", sold & (price < 0), prices, "Sales with a price below zero.")
    unpriced = "Map unit_price, or amount: without a price these lines have no value."
    yield Law("sales have a price", sold & price.isnull(), prices, "Sales without unit_price; zero is a price.", "WARN", unpriced)
    too_much = sold & ((given < 0) | (given > quantity * price * 1.001 + 0.01))
    meaning = "Sales with a negative discount, or one above the line's amount."
    yield Law("discounts are within the line", too_much, _said(rows, ORDERS, DISCOUNT_AMOUNT), meaning, "WARN")
    foreign, meaning = rows[CURRENCY] != currency, "Lines in another currency than the home's."
    yield Law(f"currency is {currency}", foreign, _said(rows, ORDERS, CURRENCY), meaning, remedy="A home holds one currency.")
    patterns = "Check product_pattern and cancelled_order_pattern in the mapping."
    yield Law("there are sales", ~sold, _said(rows, ORDERS, LINE_KIND), "All lines are returns or fees.", "FAIL", patterns, all_rows)


def _event_laws(rows: ibis.Table) -> Iterator[Law]:
    nobody = rows[CUSTOMER_ID].isnull() & rows[VISITOR_ID].isnull()
    somebody = "Map customer_id or visitor_id."
    yield Law("somebody is named", nobody, _said(rows, EVENTS, EVENT_TYPE), "Events of nobody.", remedy=somebody)
    outside = (rows[EVENT_TYPE] == "survey_answered") & ~rows[VALUE].between(0, _LAST_SCORE)
    meaning, scale = "Answers to surveys whose value is outside of the scale.", "Bring scores to the scale of 0 to 10."
    yield Law("survey scores are 0 to 10", outside, _said(rows, EVENTS, VALUE), meaning, "WARN", scale)


def _zone_law(rows: ibis.Table) -> Law:
    name = rows[TIMEZONE].cast("string").nullif("")
    odd, meaning = (
        name.notnull() & name.notin(sorted(available_timezones())),
        "Customers whose time zone nobody knows: the shop's clock is used.",
    )
    return Law("timezone is known", odd, _said(rows, CUSTOMERS, TIMEZONE), meaning, "WARN", "Names like Asia/Ho_Chi_Minh are known.")


def _said(rows: ibis.Table, table: Table, column: str) -> Any:
    key = table.key[0]
    return ibis.literal(f"{key} ") + rows[key].fill_null("(empty)") + f": {column} " + rows[column].cast("string").fill_null("(empty)")
