"""The version of a customer's state is another one after every change that an answer about products may rest on, and the same without one."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import delete

from features.history import CustomerHistory
from serving.publishing import publish
from serving.state import customers, events
from serving.state.database import State
from serving.state.tables import EVENTS, ORDER_LINES
from serving.state.versions import Moment, generation_of, version_of, version_reader

NOW = datetime(2025, 3, 1, 12)
MINUTE = timedelta(minutes=1)

Change = Callable[[State], None]


def version(state: State, before: datetime = NOW, customer_id: str = "an") -> tuple[Any, ...]:
    async def read() -> tuple[Any, ...]:
        reader = version_reader(state)
        row = await reader.row(Moment(customer_id, before))
        await reader.close()
        assert row is not None
        return version_of(row)

    return asyncio.run(read())


def event(event_id: str, at: datetime = NOW - MINUTE, **fields: Any) -> Change:
    none = dict.fromkeys(("customer_id", "visitor_id", "channel", "product_id", "value", "decision_id", "properties"))
    row = {**none, "event_id": event_id, "event_type": "product_view", "occurred_at": at, "received_at": at + MINUTE, **fields}

    def add(state: State) -> None:
        with state.writing() as connection:
            events.add_events(connection, [row])

    return add


def order(order_id: str, *, received_at: datetime = NOW) -> Change:
    numbers = {"line": 0, "quantity": 1.0, "unit_price": 1.0, "discount_amount": 0.0}
    texts = {"customer_id": "an", "product_id": "tea", "channel": None, "store_id": None, "currency": None, "line_kind": "sale"}
    row = {"order_id": order_id, "ordered_at": NOW - MINUTE, "received_at": received_at, **numbers, **texts}

    def add(state: State) -> None:
        with state.writing() as connection:
            events.add_order_lines(connection, [row])

    return add


def erased(state: State) -> None:
    with state.writing() as connection:
        connection.execute(delete(ORDER_LINES).where(ORDER_LINES.c.customer_id == "an"))
        connection.execute(delete(EVENTS).where(EVENTS.c.customer_id == "an"))


def put(at: datetime, **fields: Any) -> Change:
    def change(state: State) -> None:
        with state.writing() as connection:
            customers.put_profile(connection, "an", fields, at)

    return change


def consented(state: State) -> None:
    with state.writing() as connection:
        customers.put_consent(connection, "an", {"email": True}, NOW)


def published(state: State) -> None:
    publish(state, as_of=NOW, histories=[("an", CustomerHistory.empty())])


CHANGES: list[Change] = [
    published,
    order("o1"),
    event("e1", customer_id="an"),
    event("late", NOW - timedelta(days=300), customer_id="an", product_id="tea"),
    event("before", visitor_id="v"),
    event("who", customer_id="an", visitor_id="v", event_type="identify"),
    event("after", visitor_id="v", product_id="cup"),
    event("earlier", NOW - timedelta(days=1), customer_id="binh", visitor_id="v", event_type="identify"),
    put(NOW - 2 * MINUTE, country="Japan"),
    put(NOW - MINUTE, country="Chile"),
    consented,
    published,
    erased,
    order("o2", received_at=NOW + MINUTE),
]
UNSEEN: tuple[Change, ...] = (CHANGES[4],)  # nobody knows yet whose it is


def test_every_change_makes_another_version_and_reading_makes_none(state: State) -> None:
    seen = [version(state)]
    for change in CHANGES:
        change(state)
        found = version(state)
        assert found == version(state)
        assert (found == seen[-1]) == (change in UNSEEN), change
        seen.append(found)
    assert len(set(seen)) == len(CHANGES) + 1 - len(UNSEEN)
    assert version(state, customer_id="chi")[1:] == version(state, customer_id="dung")[1:], "nobody else changed"


def test_what_is_posted_as_a_visitor_whom_the_publication_knows_is_another_version(state: State) -> None:
    visitors = pd.DataFrame({"visitor_id": ["v", "w"], "customer_id": ["an", "binh"], "identified_at": [NOW - timedelta(days=9)] * 2})
    publish(state, as_of=NOW, histories=[("an", CustomerHistory.empty())], visitors=visitors)
    before = version(state)
    event("other", visitor_id="w")(state)
    assert version(state) == before
    event("own", visitor_id="v")(state)
    assert version(state) != before


def test_the_same_number_of_rows_after_an_erasure_is_another_version(state: State) -> None:
    order("o1")(state)
    before = version(state)
    erased(state)
    order("o2", received_at=NOW + MINUTE)(state)
    assert version(state) != before


def test_a_row_of_a_clock_that_runs_ahead_counts_when_its_time_comes(state: State) -> None:
    before = version(state)
    event("ahead", NOW + 5 * MINUTE, customer_id="an")(state)
    assert version(state) == before
    assert version(state, NOW + 5 * MINUTE) == before, "half-open"
    assert version(state, NOW + 5 * MINUTE + timedelta(microseconds=1)) != before


def test_many_ask_at_once_and_each_gets_their_own(state: State) -> None:
    published(state)
    order("o1")(state)
    moments = [Moment(who, NOW + n * MINUTE) for n, who in enumerate(["an", "binh", "an", "chi", "an"] * 30)]

    async def read() -> list[Any]:
        reader = version_reader(state)
        rows = await asyncio.gather(*(reader.row(moment) for moment in moments))
        await reader.close()
        return rows

    rows = asyncio.run(read())
    assert {generation_of(row) for row in rows} == {1}
    for moment, row in zip(moments, rows, strict=True):
        assert version_of(row) == version(state, moment.before, moment.customer_id)


@pytest.mark.parametrize("who", ["'; DROP TABLE events; --", "Nguyễn", "%s", ":who"])
def test_an_id_is_only_ever_an_id(state: State, who: str) -> None:
    event("e", customer_id=who)(state)
    assert version(state, customer_id=who) != version(state, customer_id="an")
