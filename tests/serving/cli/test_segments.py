"""`nextbest segments` shows both kinds of groups, with and without models; rules come from the home."""

import json

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def orders(tmp_path):
    """Two kinds of customers, 70 each: small orders every week, and large ones once or twice; and one who only returned."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(140):
        often = i % 2 == 0
        for j in range(20 if often else 1 + i % 3 // 2):
            day = pd.Timestamp("2025-01-01") + pd.Timedelta(days=7 * j + rng.uniform(0, 3) if often else rng.uniform(0, 150))
            rows.append((f"c{i}", f"o{i}-{j}", day, 1, round(float(rng.uniform(4, 6) if often else rng.uniform(80, 120)), 2)))
    rows.append(("returner", "r", pd.Timestamp("2025-02-01"), -1, 5.0))
    file = tmp_path / "orders.csv"
    pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at", "quantity", "unit_price"]).to_csv(file, index=False)
    return file


def test_segments_and_personas_stand_side_by_side(nextbest, orders):
    assert nextbest("ingest", "--orders", orders).code == 0
    bare = nextbest("segments")
    assert bare.code == 0
    assert "No personas yet: nextbest train personas" in bare.err
    assert nextbest("train", "personas").code == 0
    told = nextbest("segments", "--locale", "vi")
    assert "khách hàng; " in told.out
    found = json.loads(nextbest("segments", "--json").out)
    assert sum(one["customers"] for one in found["segments"]) == sum(one["customers"] for one in found["personas"]) == 140
    assert {one["group"] for one in found["segments"]} >= {"new customers", "lost"}
    assert found["segments"][0]["churn_probability"] is None
    assert all(one["name"] and one["description"].endswith(".") for one in found["personas"])
    often = next(one for one in found["personas"] if "every 7 days" in one["description"])
    assert often["customers"] == pytest.approx(70, abs=2)


def test_segments_follow_the_homes_rules_and_refuse_bad_ones(nextbest, orders, tmp_path):
    nextbest("ingest", "--orders", orders)
    rules = tmp_path / "home" / "config" / "segments.yaml"
    assert nextbest("segments").code == 0
    assert "champions" in rules.read_text()
    rules.write_text("segments: [{segment: regulars, when: order_day_count > 10}, {segment: others}]")
    found = json.loads(nextbest("segments", "--json").out)
    assert {one["group"]: one["customers"] for one in found["segments"]} == {"regulars": 70, "others": 70}
    rules.write_text("segments: [{segment: regulars, when: orders > 10}, {segment: others}]")
    ended = nextbest("segments")
    assert ended.code == 2
    assert "segments.yaml: segment regulars" in ended.err
