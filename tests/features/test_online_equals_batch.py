"""One definition, two executors: whatever the history, online gives what batch gives."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features import batch, online
from features.contract import EVENT_TYPES, OUTCOME_TYPES
from features.definitions import NAMES, WINDOWS
from features.engine import tables_from_frames
from features.histories import histories
from features.history import CustomerHistory
from features.own_rows import ShopFacts
from features.products import known_products

AS_OF = datetime(2025, 6, 1)
DAY_EDGES = [timedelta(days=d) for d in (0, 1, *WINDOWS)]

edges = [AS_OF - edge + shift for edge in DAY_EDGES for shift in (timedelta(0), timedelta(microseconds=1), timedelta(microseconds=-1))]
hours = st.builds(
    lambda day, hour: AS_OF - timedelta(days=day, hours=24 - hour), st.integers(0, 40), st.sampled_from([0, 5, 11, 12, 18, 23])
)
instants = st.one_of(
    st.datetimes(datetime(2023, 1, 1), datetime(2025, 7, 1)),
    st.sampled_from([*edges, datetime(2025, 3, 30, 1), datetime(2025, 3, 30, 1, 30), datetime(2024, 11, 3, 5, 30)]),
    hours,
    hours,
)
PRODUCTS = ["A", "B", "Ấm", "C"]
customers = st.sampled_from(["17850", "khách-Đặng", "a b", "d", "e"])
amounts = st.one_of(st.none(), st.integers(0, 50_000).map(lambda cents: cents / 100))
order_lines = st.fixed_dictionaries(
    {
        "customer_id": customers,
        "order_id": st.sampled_from(["1", "2", "3", "4", "C5", "đơn 6"]),
        "product_id": st.sampled_from([None, *PRODUCTS]),
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
        "outcomes": st.lists(st.tuples(st.sampled_from(OUTCOME_TYPES), st.one_of(instants, st.none())), max_size=3),  # none: at once
    }
)
of_category = st.sampled_from(["Trà > Xanh", "Trà", "Trà > Đen", " Cups ", None, ""])
ranges = st.lists(
    st.tuples(of_category, st.one_of(st.integers(1, 4).map(float), st.none())).map(
        lambda drawn: {"category": drawn[0], "list_price": drawn[1]}
    ),
    min_size=len(PRODUCTS),
    max_size=len(PRODUCTS),
).map(lambda listed: [{"product_id": product_id, **facts} for product_id, facts in zip(PRODUCTS, listed, strict=True)])
one_range = st.just([{"product_id": p, "category": "Trà", "list_price": float(i)} for i, p in enumerate(PRODUCTS)])  # levels 0, 1/3, 2/3, 1
shops = {
    "lines": st.lists(order_lines, min_size=50, max_size=70),
    "events": st.lists(touchpoints, min_size=30, max_size=50),
    "decisions": st.lists(contacted, max_size=10),
    "products": st.one_of(st.just([]), ranges, one_range),
}
small_shops = {**shops, "lines": st.lists(order_lines, max_size=6), "events": st.lists(touchpoints, max_size=6)}
zones = st.sampled_from(["UTC", "Asia/Ho_Chi_Minh", "Europe/Berlin", "America/St_Johns"])


def shop(lines, events=(), decisions=(), products=(), timezone="UTC"):
    kinds = {"return": -1.0}
    orders = pd.DataFrame([{**line, "quantity": kinds.get(line["line_kind"], 1.0) * (line["quantity"] or 1.0)} for line in lines])
    touched = pd.DataFrame([{**event, "event_id": f"e{i}"} for i, event in enumerate(events)])
    made = pd.DataFrame([{**decision, "decision_id": f"d{i}"} for i, decision in enumerate(decisions)]).drop(
        columns="outcomes", errors="ignore"
    )
    answers = [(f"d{i}", what, at or decision["decided_at"]) for i, decision in enumerate(decisions) for what, at in decision["outcomes"]]
    outcomes = pd.DataFrame(answers, columns=["decision_id", "outcome_type", "occurred_at"]).assign(event_id=range(len(answers)))
    frames = {"orders": orders, "events": touched, "decisions": made, "outcomes": outcomes, "products": pd.DataFrame(list(products))}
    return replace(tables_from_frames({name: frame for name, frame in frames.items() if len(frame)}), timezone=timezone)


def compared(tables):
    """Every feature of every customer, online against batch."""
    expected = batch.features(tables, [AS_OF]).set_index("customer_id")
    facts = ShopFacts(known_products(tables), tables.timezone)
    found = {c: online.features(CustomerHistory.from_bytes(h.to_bytes()), AS_OF, facts) for c, h in histories(tables, AS_OF)}
    assert sorted(found) == sorted(expected.index)
    for customer, values in found.items():
        for name in NAMES:
            np.testing.assert_allclose(values[name], expected.loc[customer, name], rtol=1e-9, atol=1e-9, err_msg=f"{customer} {name}")


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries(shops), zones)
def test_every_feature_is_the_same_online_and_in_batch(drawn, timezone):
    compared(shop(**drawn, timezone=timezone))


def test_every_edge_is_on_the_same_side_online_and_in_batch():
    """One customer for every edge: windows, hours, price levels, left carts, repeated views and answers, at it and a microsecond beside it."""
    tick, day = timedelta(microseconds=1), timedelta(days=1)
    line = {"product_id": "A", "quantity": 1.0, "unit_price": 2.0, "line_kind": "sale", "order_id": "1"}
    lines, events, decisions = [], [], []
    for place, shift in enumerate((-tick, timedelta(0), tick)):
        for days in (0, *WINDOWS):
            lines.append({**line, "customer_id": f"w{days}{place}", "ordered_at": AS_OF - timedelta(days=days) + shift})
            events.append(
                {"customer_id": f"e{days}{place}", "event_type": "page_view", "occurred_at": AS_OF - timedelta(days=days) + shift}
            )
        for hour in (0, 5, 12, 18):
            lines.append({**line, "customer_id": f"h{hour}{place}", "ordered_at": datetime(2025, 5, 3, hour) + shift})
        lines += [{**line, "customer_id": f"p{product}{place}", "product_id": product, "ordered_at": AS_OF - day} for product in PRODUCTS]
        put = {"customer_id": f"c{place}", "event_type": "add_to_cart", "occurred_at": AS_OF - 5 * day}
        lines.append({**line, "customer_id": f"c{place}", "ordered_at": AS_OF - 4 * day + shift})
        late = {"customer_id": f"l{place}", "event_type": "add_to_cart", "occurred_at": AS_OF - day + shift}
        seen = {"customer_id": f"v{place}", "event_type": "product_view", "product_id": "A"}
        again = [{**seen, "occurred_at": AS_OF - 20 * day}, {**seen, "occurred_at": AS_OF - 6 * day + shift}]
        events += [put, late, *again]
        lines.append({**line, "customer_id": f"d{place}", "ordered_at": AS_OF - 9 * day})
        answered = [("accepted", AS_OF - 3 * day + shift), ("rejected", AS_OF + shift)]
        decisions.append({"customer_id": f"d{place}", "decided_at": AS_OF - 3 * day, "action_id": "mail", "outcomes": answered})
    products = [{"product_id": p, "category": "Trà", "list_price": float(i)} for i, p in enumerate(PRODUCTS)]
    compared(shop(lines, [{"visitor_id": None, "product_id": None, "value": None, **event} for event in events], decisions, products))


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries(small_shops), zones)
def test_nearly_nothing_is_the_same_online_and_in_batch(drawn, timezone):
    compared(shop(**drawn, timezone=timezone))


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries(shops))
def test_rows_at_or_after_as_of_change_nothing(drawn):
    past = {
        "lines": [line for line in drawn["lines"] if line["ordered_at"] < AS_OF],
        "events": [event for event in drawn["events"] if event["occurred_at"] < AS_OF],
        "decisions": [
            {**made, "outcomes": [(what, at) for what, at in made["outcomes"] if at is None or at < AS_OF]}
            for made in drawn["decisions"]
            if made["decided_at"] < AS_OF
        ],
        "products": drawn["products"],
    }
    pd.testing.assert_frame_equal(batch.features(shop(**drawn), [AS_OF]), batch.features(shop(**past), [AS_OF]))


@settings(max_examples=2, suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries(shops), zones)
def test_many_cut_offs_in_one_pass_equal_one_at_a_time(drawn, timezone):
    tables = shop(**drawn, timezone=timezone)
    cuts = [datetime(2024, 4, 1), datetime(2025, 5, 20, 12), AS_OF]
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
