"""`nextbest evaluate power` counts the home's own customers, and says plainly what to hold out."""

import json
from datetime import datetime, timedelta

import pandas as pd

START = datetime(2025, 1, 1, 9)
LAST = datetime(2025, 6, 1)


def ingested(nextbest, tmp_path, customers, *, every):
    """Everybody orders in January; every n-th customer orders in the last 30 days, too; one only looked around."""
    rows = [(f"c{n}", f"a{n}", START + timedelta(minutes=n % 1000)) for n in range(customers)]
    rows += [(f"c{n}", f"b{n}", LAST - timedelta(days=1 + n % 28)) for n in range(0, customers, every)]
    rows += [("new", "n", LAST - timedelta(days=2)), ("last", "l", LAST - timedelta(seconds=1))]
    orders = pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at"]).assign(quantity=1, unit_price=5.0, product_id="p")
    orders.to_csv(tmp_path / "orders.csv", index=False)
    events = pd.DataFrame({"event_id": ["1"], "customer_id": ["looker"], "event_type": ["page_view"], "occurred_at": [START]})
    events.to_csv(tmp_path / "events.csv", index=False)
    ended = nextbest("ingest", "--orders", tmp_path / "orders.csv", "--events", tmp_path / "events.csv")
    assert ended.code == 0, ended.err


def test_a_large_shop_is_told_the_shares(nextbest, tmp_path):
    ingested(nextbest, tmp_path, 30_000, every=4)
    ended = nextbest("evaluate", "power", "--periods", "2", "--json")
    told = json.loads(ended.out)
    first = told["periods"][0]
    assert (first["days"], first["customers"], first["order_rate"]) == (30, 30_001, 7_500 / 30_001)
    assert list(first["lifts"].values()) == sorted(first["lifts"].values(), reverse=True)
    assert told["advice"]["days"] == 30
    assert told["advice"]["holdout_share"] == first["share"] < 0.1
    said = nextbest("evaluate", "power").out
    assert f"NEXTBEST_HOLDOUT_SHARE={first['share']} NEXTBEST_RANDOM_SHARE={told['advice']['random_share']}" in said
    assert "30,001" in said


def test_a_small_shop_is_told_so(nextbest, tmp_path):
    ingested(nextbest, tmp_path, 400, every=5)
    told = json.loads(nextbest("evaluate", "power", "--periods", "1", "--json").out)
    lift = told["advice"]["lift_at_half"]
    ended = nextbest("evaluate", "power", "--periods", "1")
    assert "This shop is too small for a holdout: even with half of its 401 customers held out" in ended.out
    assert f"only a rise of {lift:.0%} or more would be seen" in ended.out
    assert "NEXTBEST_HOLDOUT_SHARE=0 NEXTBEST_RANDOM_SHARE=0" in ended.out
    easy = json.loads(nextbest("evaluate", "power", "--periods", "1", "--lift", "3", "--json").out)
    assert 0 < easy["advice"]["holdout_share"] <= 0.1


def test_who_counts_is_said_by_the_days(nextbest, tmp_path):
    ingested(nextbest, tmp_path, 40, every=2)
    told = json.loads(nextbest("evaluate", "power", "--active-days", "60", "--days", "100", "--periods", "9", "--json").out)
    assert [row["customers"] for row in told["periods"]] == [41]
    refused = nextbest("evaluate", "power", "--active-days", "10", "--days", "30")
    assert refused.code == 2
    assert "Nobody is known from before" in refused.err


def test_without_orders_there_is_no_rate(nextbest, tmp_path):
    ingested(nextbest, tmp_path, 40, every=2)
    refused = nextbest("evaluate", "power", "--as-of", "2025-04-01", "--days", "7")
    assert refused.code == 2
    assert "Nobody of 41 customers ordered in the 42 days" in refused.err
