"""Cut-offs, labels and training tables: half-open in time, and blind to the future."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from features import cutoffs
from features.contacts import response_table
from features.engine import tables_from_frames
from features.errors import InputError
from features.labels import purchases_after
from features.training_sets import churn_panel

CUT = datetime(2025, 3, 1)


def orders(*rows):
    names = ["customer_id", "order_id", "ordered_at", "unit_price", "line_kind"]
    return pd.DataFrame([dict(zip(names, (*row, "sale")[:5], strict=True)) for row in rows]).assign(quantity=1.0)


def test_a_label_window_holds_its_start_and_not_its_end():
    tables = tables_from_frames(
        {
            "orders": orders(
                ("before", "1", CUT - timedelta(microseconds=1), 5.0),
                ("start", "2", CUT, 5.0),
                ("inside", "3", CUT + timedelta(days=9), 5.0),
                ("inside", "4", CUT + timedelta(days=9, hours=3), 7.0),
                ("end", "5", CUT + timedelta(days=10), 5.0),
                ("returner", "6", CUT + timedelta(days=1), 5.0, "return"),
            )
        }
    )
    after = purchases_after(tables, [CUT], 10).set_index("customer_id")
    assert sorted(after.index) == ["inside", "start"]
    assert after.future_value["inside"] == 12.0
    assert after.future_order_count["inside"] == 1  # one day
    assert after.days_to_next_order.to_dict() == {"inside": 9.0, "start": 0.0}


def test_the_panel_labels_everybody_who_bought_before_the_cut():
    tables = tables_from_frames(
        {
            "orders": orders(
                ("stays", "1", CUT - timedelta(days=5), 5.0),
                ("stays", "2", CUT + timedelta(days=5), 9.0),
                ("leaves", "3", CUT - timedelta(days=5), 5.0),
                ("new", "4", CUT + timedelta(days=1), 5.0),
                ("returner", "5", CUT - timedelta(days=2), 5.0, "return"),
            )
        }
    )
    panel = churn_panel(tables, [CUT], 10).set_index("customer_id")
    assert panel.churned.to_dict() == {"leaves": 1.0, "stays": 0.0}
    assert panel.future_value.to_dict() == {"leaves": 0.0, "stays": 9.0}
    assert panel.days_to_next_order.dropna().to_dict() == {"stays": 5.0}


def test_the_newest_cut_off_leaves_one_horizon_and_the_oldest_some_history():
    cuts = cutoffs.panel(datetime(2024, 1, 1), datetime(2025, 1, 1), 90)
    assert cuts[-1] == datetime(2025, 1, 1) - timedelta(days=90)
    assert cuts[0] - timedelta(days=90) >= datetime(2024, 1, 1)
    assert cuts == sorted(cuts)
    assert len(cuts) <= 12


def test_a_short_history_still_trains_and_a_shorter_one_says_why_not():
    assert cutoffs.panel(datetime(2025, 1, 1), datetime(2025, 3, 1), 30) == [datetime(2025, 1, 30)]
    with pytest.raises(InputError, match="--horizon-days 10"):
        cutoffs.panel(datetime(2025, 1, 1), datetime(2025, 2, 1), 30)


@pytest.mark.parametrize(
    ("text", "instant"),
    [("2025-03-01", CUT), ("2025-03-01T07:00+07:00", CUT), ("2025-03-01 00:00:00", CUT), ("2025-03-01T00:00Z", CUT)],
)
def test_a_time_is_read_as_utc(text, instant):
    assert cutoffs.parse_as_of(text) == instant


def test_what_is_no_time_is_refused():
    with pytest.raises(InputError, match="ISO"):
        cutoffs.parse_as_of("soon")


def test_the_default_as_of_is_just_after_the_newest_row():
    tables = tables_from_frames(
        {"orders": orders(("a", "1", CUT, 1.0)), "events": pd.DataFrame({"event_id": ["1"], "occurred_at": [CUT + timedelta(days=1)]})}
    )
    assert cutoffs.default_as_of(tables) == CUT + timedelta(days=1, microseconds=1)
    with pytest.raises(InputError, match="ingest"):
        cutoffs.default_as_of(tables_from_frames({}))


def test_a_decision_is_learned_from_when_its_outcome_window_is_over():
    decisions = pd.DataFrame(
        {
            "decision_id": ["old", "young", "none", "late"],
            "customer_id": "c",
            "decided_at": [CUT - timedelta(days=15), CUT - timedelta(days=13), CUT - timedelta(days=20), CUT - timedelta(days=60)],
            "action_id": "mail",
            "action_probability": 0.5,
        }
    )
    outcomes = pd.DataFrame(
        {
            "event_id": ["1", "2", "3", "4"],
            "decision_id": ["old", "old", "none", "late"],
            "outcome_type": ["accepted", "converted", "accepted", "accepted"],
            "occurred_at": [CUT - timedelta(days=14), CUT - timedelta(days=12), CUT, CUT - timedelta(days=46)],
            "value": [None, 30.0, None, None],
        }
    )
    alive = {"orders": orders(("c", "1", CUT, 1.0))}
    learned = response_table(tables_from_frames({"decisions": decisions, "outcomes": outcomes, **alive}), CUT).set_index("decision_id")
    # the answer at the cut itself is the future, and one after 14 days is no answer to that decision
    assert learned.answered.to_dict() == {"late": 0.0, "none": 0.0, "old": 1.0}
    assert learned.converted_value["old"] == 30.0
    imported = response_table(tables_from_frames({"decisions": decisions, "outcomes": outcomes}), CUT)
    assert len(imported) == 4
