"""Histories side by side are the histories one by one, in memory and in the bytes that are published."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from features.crowds import Crowd
from features.engine import tables_from_frames
from features.histories import histories
from features.history import TABLES, CustomerHistory, Names

AT = datetime(2025, 3, 1)
names = st.sampled_from([None, "Ấm", "tea", 'a "b"'])
numbers = st.one_of(st.none(), st.floats(-5, 5))
lines = st.fixed_dictionaries(
    {
        "order_id": st.sampled_from(["1", "đơn 2", "3"]),
        "line": st.sampled_from([None, 0, 7]),
        "product_id": names,
        "channel": names,
        "store_id": names,
        "ordered_at": st.integers(0, 90).map(lambda days: AT - timedelta(days=days, microseconds=3)),
        "quantity": numbers,
        "unit_price": numbers,
        "line_kind": st.sampled_from(["sale", "return", "fee"]),
    }
)
events = st.fixed_dictionaries({"event_type": st.sampled_from(["search", "identify"]), "occurred_at": st.just(AT), "product_id": names})
contacts = st.fixed_dictionaries({"decision_id": st.sampled_from("de"), "type": st.sampled_from(["contact", "viewed"]), "at": st.just(AT)})
one = st.builds(CustomerHistory.of, st.lists(lines, max_size=5), st.lists(events, max_size=3), st.lists(contacts, max_size=3))


def same(one: CustomerHistory, other: CustomerHistory) -> None:
    assert one.names == other.names
    for what, columns in zip(("lines", "events", "contacts"), TABLES, strict=True):
        for name, kind in columns:
            left, right = getattr(one, what)[name], getattr(other, what)[name]
            assert left.dtype == right.dtype == np.dtype(kind)
            np.testing.assert_array_equal(left, right, err_msg=f"{what}.{name}")


@given(st.lists(one, min_size=1, max_size=6))
def test_a_crowd_is_its_customers(own: list[CustomerHistory]) -> None:
    crowd = Crowd.of([f"c{place}" for place in range(len(own))], own)
    assert len(crowd) == len(own)
    for history, found, encoded in zip(own, crowd.histories(), crowd.encoded(), strict=True):
        same(found, history)
        same(CustomerHistory.from_bytes(encoded), CustomerHistory.from_bytes(history.to_bytes()))


def test_customers_who_were_never_seen_have_bytes_too() -> None:
    encoded = list(Crowd.of(["a", "b"], [CustomerHistory.empty()] * 2).encoded())
    assert [CustomerHistory.from_bytes(each).names for each in encoded] == [Names()] * 2


def test_every_customer_of_the_tables_numbers_their_own_names() -> None:
    """Two customers who share a product, one of whom only looked at another; names that nobody gave stay none."""
    day = datetime(2025, 2, 1)
    bought = [("b", "2", "cup", None), ("a", "1", "tea", "web"), ("b", "3", "tea", "app"), ("a", "4", None, "web")]
    orders = pd.DataFrame(
        [
            {
                "customer_id": who,
                "order_id": order,
                "product_id": product,
                "channel": channel,
                "ordered_at": day + timedelta(days=int(order)),
            }
            for who, order, product, channel in bought
        ]
    ).assign(quantity=1.0, unit_price=2.0, line_kind="sale")
    seen = [{"event_id": "1", "customer_id": "c", "event_type": "product_view", "product_id": "tea", "occurred_at": day}]
    found = dict(histories(tables_from_frames({"orders": orders, "events": pd.DataFrame(seen)}), AT))
    assert list(found) == ["a", "b", "c"]
    for who, own in found.items():
        mine = [row for row in sorted(bought, key=lambda row: row[1]) if row[0] == who]
        told = {"orders": own.names.orders, "products": own.names.products, "channels": own.names.channels}
        columns = {"orders": own.lines["order"], "products": own.lines["product"], "channels": own.lines["channel"]}
        for place, (name, known) in enumerate(told.items(), start=1):
            assert [known[code] if code >= 0 else None for code in columns[name]] == [row[place] for row in mine]
            assert len(set(known)) == len(known)
    assert found["c"].names.products == ("tea",)
    assert found["c"].events["product"].tolist() == [0]
