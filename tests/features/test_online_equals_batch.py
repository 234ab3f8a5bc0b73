"""One definition, two executors: whatever the history, online gives what batch gives."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features import batch, online
from features.contract import EVENT_TYPES, OUTCOME_TYPES
from features.definitions import NAMES
from features.engine import tables_from_frames
from features.histories import histories
from features.history import CustomerHistory
from features.own_rows import ShopFacts
from features.products import known_products

AS_OF = datetime(2025, 6, 1)
DAY_EDGES = [timedelta(days=d) for d in (0, 1, 14, 30, 90, 180, 365)]

instants = st.one_of(
    st.datetimes(datetime(2023, 1, 1), datetime(2025, 7, 1)),
    st.sampled_from(
        [AS_OF - edge + shift for edge in DAY_EDGES for shift in (timedelta(0), timedelta(microseconds=1), timedelta(microseconds=-1))]
    ),
    st.sampled_from([datetime(2025, 3, 30, 1), datetime(2025, 3, 30, 1, 30)]),
    st.builds(lambda day, hour: datetime(2024, 1, 1) + timedelta(days=day, hours=hour), st.integers(0, 500), st.integers(0, 23)),
)
customers = st.sampled_from(["17850", "khách-Đặng", "a b", "d", "e"])
amounts = st.one_of(st.none(), st.integers(0, 50_000).map(lambda cents: cents / 100))
order_lines = st.fixed_dictionaries(
    {
        "customer_id": customers,
        "order_id": st.sampled_from(["1", "2", "3", "4", "C5", "đơn 6"]),
        "product_id": st.sampled_from([None, "A", "B", "Ấm"]),
        "ordered_at": instants,
        "quantity": st.one_of(st.none(), st.integers(1, 20).map(float)),
        "unit_price": amounts,
        "discount_amount": amounts,
        "line_kind": st.sampled_from(["sale", "sale", "sale", "return", "fee"]),
        "channel": st.sampled_from([None, "web", "App", "store", "phone"]),
        "store_id": st.sampled_from([None, None, "s1", "Huế"]),
    }
)
touchpoints = st.fixed_dictionaries(
    {
        "customer_id": st.one_of(st.none(), customers),
        "visitor_id": st.sampled_from([None, "v1", "v2"]),
        "event_type": st.sampled_from([*["product_view", "survey_answered", "identify", "add_to_cart"] * 6, *EVENT_TYPES]),
        "occurred_at": instants,
        "product_id": st.sampled_from([None, "A", "B"]),
        "value": st.one_of(st.none(), st.integers(0, 10).map(float)),
    }
)


contacted = st.fixed_dictionaries(
    {
        "customer_id": customers,
        "decided_at": instants,
        "action_id": st.sampled_from(["mail", "call", "no_action"]),
        "outcomes": st.lists(st.tuples(st.sampled_from(OUTCOME_TYPES), instants), max_size=3),
    }
)
ranges = st.lists(
    st.fixed_dictionaries(
        {
            "product_id": st.sampled_from(["A", "B", "Ấm", "never sold"]),
            "category": st.sampled_from([None, "Trà > Xanh", "Trà", " Cups ", ""]),
            "list_price": st.one_of(st.none(), st.integers(1, 5).map(float)),
        }
    ),
    max_size=4,
    unique_by=lambda product: product["product_id"],
)
zones = st.sampled_from(["UTC", "Asia/Ho_Chi_Minh", "Europe/Berlin", "America/St_Johns"])


def shop(lines, events=(), decisions=(), products=(), timezone="UTC"):
    kinds = {"return": -1.0}
    orders = pd.DataFrame([{**line, "quantity": kinds.get(line["line_kind"], 1.0) * (line["quantity"] or 1.0)} for line in lines])
    touched = pd.DataFrame([{**event, "event_id": f"e{i}"} for i, event in enumerate(events)])
    made = pd.DataFrame([{**decision, "decision_id": f"d{i}"} for i, decision in enumerate(decisions)]).drop(
        columns="outcomes", errors="ignore"
    )
    answers = [(f"d{i}", *outcome) for i, decision in enumerate(decisions) for outcome in decision["outcomes"]]
    outcomes = pd.DataFrame(answers, columns=["decision_id", "outcome_type", "occurred_at"]).assign(event_id=range(len(answers)))
    frames = {"orders": orders, "events": touched, "decisions": made, "outcomes": outcomes, "products": pd.DataFrame(list(products))}
    return replace(tables_from_frames({name: frame for name, frame in frames.items() if len(frame)}), timezone=timezone)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(order_lines, max_size=60), st.lists(touchpoints, max_size=60), st.lists(contacted, max_size=10), ranges, zones)
def test_every_feature_is_the_same_online_and_in_batch(lines, events, decisions, products, timezone):
    tables = shop(lines, events, decisions, products, timezone)
    expected = batch.features(tables, [AS_OF]).set_index("customer_id")
    found = {customer: CustomerHistory.from_bytes(history.to_bytes()) for customer, history in histories(tables, AS_OF)}
    facts = ShopFacts(known_products(tables), timezone)
    assert sorted(found) == sorted(expected.index)
    for customer, history in found.items():
        values = online.features(history, AS_OF, facts)
        for name in NAMES:
            np.testing.assert_allclose(values[name], expected.loc[customer, name], rtol=1e-9, atol=1e-9, err_msg=f"{customer} {name}")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(order_lines, max_size=40), st.lists(touchpoints, max_size=40), st.lists(contacted, max_size=8), ranges)
def test_rows_at_or_after_as_of_change_nothing(lines, events, decisions, products):
    past_lines = [line for line in lines if line["ordered_at"] < AS_OF]
    past_events = [event for event in events if event["occurred_at"] < AS_OF]
    past_decisions = [
        {**decision, "outcomes": [outcome for outcome in decision["outcomes"] if outcome[1] < AS_OF]}
        for decision in decisions
        if decision["decided_at"] < AS_OF
    ]
    whole, past = shop(lines, events, decisions, products), shop(past_lines, past_events, past_decisions, products)
    pd.testing.assert_frame_equal(batch.features(whole, [AS_OF]), batch.features(past, [AS_OF]))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(order_lines, max_size=60), st.lists(touchpoints, max_size=40), st.lists(contacted, max_size=8), ranges, zones)
def test_many_cut_offs_in_one_pass_equal_one_at_a_time(lines, events, decisions, products, timezone):
    tables = shop(lines, events, decisions, products, timezone)
    cuts = [datetime(2024, 4, 1), datetime(2025, 3, 30, 1), AS_OF]
    together = batch.features(tables, cuts)
    apart = pd.concat([batch.features(tables, [cut]) for cut in cuts], ignore_index=True)
    pd.testing.assert_frame_equal(together, apart, rtol=1e-9, atol=1e-9)


def test_a_visitor_identified_later_changes_nothing_before():
    def view(day, **who):
        return {"event_type": "product_view", "product_id": "p", "occurred_at": datetime(2025, 5, day), "value": None, **who}

    seen = [view(1, visitor_id="v", customer_id=None), view(3, visitor_id=None, customer_id="c"), view(4, visitor_id="v", customer_id=None)]
    link = {
        "event_type": "identify",
        "visitor_id": "v",
        "customer_id": "c",
        "occurred_at": datetime(2025, 5, 10),
        "product_id": None,
        "value": None,
    }
    early, late = datetime(2025, 5, 6), datetime(2025, 5, 12)
    with_link, without = shop([], [*seen, link]), shop([], seen)
    pd.testing.assert_frame_equal(batch.features(with_link, [early]), batch.features(without, [early]))
    assert np.isnan(batch.features(with_link, [early]).days_since_repeat_view[0])
    assert batch.features(with_link, [late]).days_since_repeat_view[0] == 8  # the visitor's own second view, of the 4th
    for as_of in (early, late):
        [(_, history)] = list(histories(with_link, as_of))
        assert online.features(history, as_of)["product_view_count_30d"] == batch.features(with_link, [as_of]).product_view_count_30d[0]


def test_a_customer_worked_out_by_hand():
    lines = [
        {
            "customer_id": "c",
            "order_id": "1",
            "product_id": "A",
            "ordered_at": datetime(2025, 5, 1, 10),
            "quantity": 2.0,
            "unit_price": 5.0,
        },
        {
            "customer_id": "c",
            "order_id": "1",
            "product_id": "B",
            "ordered_at": datetime(2025, 5, 1, 10),
            "quantity": 1.0,
            "unit_price": 20.0,
        },
        {
            "customer_id": "c",
            "order_id": "2",
            "product_id": "A",
            "ordered_at": datetime(2025, 5, 11, 19),
            "quantity": 1.0,
            "unit_price": 5.0,
        },
        {"customer_id": "c", "order_id": "3", "product_id": "C", "ordered_at": datetime(2025, 5, 31), "quantity": 1.0, "unit_price": 15.0},
    ]
    values = online.features(CustomerHistory.of([{**line, "discount_amount": 1.0} for line in lines]), AS_OF)
    assert values["order_count"] == 3
    assert values["value_total"] == 10 + 20 + 5 + 15 - 4
    assert values["gap_mean_days"] == 15  # 10 and 20 days
    assert values["gap_std_days"] == 5
    assert values["gap_trend"] == 20 / 15
    assert values["days_since_last_order"] == 1
    assert values["overdue_ratio"] == 1 / 15
    assert values["new_product_share"] == 3 / 4
    assert values["order_count_30d"] == 2  # 2 May is the edge
    assert values["evening_share"] == 1 / 3
    assert values["weekend_share"] == 2 / 3  # a Sunday and a Saturday
    assert values["discount_share"] == 4 / 50


def test_an_order_posted_again_replaces_its_lines():
    row = {"order_id": "1", "ordered_at": datetime(2025, 5, 1), "quantity": 1.0, "unit_price": 5.0}
    history = CustomerHistory.of([row]).extended([{**row, "unit_price": 7.0}])
    assert online.features(history, AS_OF)["value_total"] == 7
    assert online.features(history, AS_OF)["order_count"] == 1


def test_nobody_has_counts_of_zero_and_unknown_times():
    values = online.features(CustomerHistory.empty(), AS_OF)
    assert values["order_count"] == 0
    assert np.isnan(values["days_since_last_order"])


def test_somebody_who_only_returned_has_no_rhythm():
    back = {"order_id": "1", "ordered_at": datetime(2025, 5, 1), "quantity": -1.0, "unit_price": 5.0, "line_kind": "return"}
    values = online.features(CustomerHistory.of([back]), AS_OF)
    assert (values["order_count"], values["repeat_day_count"], values["return_count"]) == (0, 0, 1)
    assert np.isnan([values["gap_mean_days"], values["gap_std_days"], values["days_since_last_order"]]).all()
