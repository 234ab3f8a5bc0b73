"""The checks find the same on Spark as on DuckDB, and name the same first offender."""

from datetime import datetime

import pytest

from features.checks import check
from features.engine import tables_from_frames
from features.home import open_home

TODAY = datetime(2025, 6, 1)


@pytest.fixture
def damaged(shop, tmp_path):
    """A home whose tables, written past ingest, break every kind of rule."""
    frames = {name: frame.copy() for name, frame in shop.items()}
    events, orders = frames["events"], frames["orders"]
    events["properties"] = [["{}", "{'a': 1}", None, "[1", "{} x"][i % 5] for i in range(len(events))]
    events.loc[3, "event_id"], events.loc[4, "occurred_at"], events.loc[7, "event_type"] = "e2", datetime(2030, 1, 1), "nonsense"
    orders.loc[1, "customer_id"], orders.loc[2, "currency"], orders.loc[9, "ordered_at"] = None, "USD", datetime(2031, 1, 1)
    home = open_home(tmp_path / "home")
    tables = tables_from_frames(frames)
    for name in frames:
        getattr(tables, name).to_parquet(str(home.table(name)))
    return home


@pytest.mark.parametrize("spark_master", ["local[2]"], indirect=True)  # its many small questions ask nothing more of a cluster
def test_the_checks(damaged, spark_master):
    expected = [found.as_dict() for found in check(damaged, today=TODAY)]
    assert sum(found["status"] != "PASS" for found in expected) > 10
    assert [found.as_dict() for found in check(damaged, today=TODAY, engine="spark", spark_master=spark_master)] == expected
