"""A file of features: what it holds, what is left out and why, and that it is the same however large the home is taken to be."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from features import batch, customer_ranges
from features.definitions import NAMES
from features.engine import tables_from_frames
from features.errors import InputError
from features.feature_files import write_features
from features.journey import load_stages
from features.learnable import learnable

AS_OF = datetime(2025, 6, 1)
FIRST = datetime(2025, 3, 3)


@pytest.fixture(scope="module")
def tables():
    """Three months of a shop with orders, and with a customers table."""
    orders = [
        {
            "customer_id": f"c{c % 40}",
            "order_id": f"o{c}",
            "product_id": f"p{c * 7 % 11}",
            "ordered_at": FIRST + timedelta(hours=c * 16 % 2100, minutes=c),
            "quantity": float(1 + c % 3),
            "unit_price": float(1 + c % 9),
            "line_kind": "sale",
        }
        for c in range(300)
    ]
    views = [
        {"event_id": f"e{i}", "visitor_id": f"v{i % 9}", "event_type": "product_view", "occurred_at": FIRST + timedelta(days=i)}
        for i in range(60)
    ]
    links = [
        {
            "event_id": f"l{i}",
            "visitor_id": f"v{i % 9}",
            "customer_id": f"c{i}",
            "event_type": "identify",
            "occurred_at": FIRST + timedelta(days=i + 20),
        }
        for i in range(14)
    ]
    customers = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(40)], "age": [20 + i * 17 % 40 for i in range(40)], "city": ["Huế", "Hà Nội"] * 20}
    )
    return tables_from_frames({"orders": pd.DataFrame(orders), "events": pd.DataFrame(views + links), "customers": customers})


def test_three_months_of_history_have_no_constant_columns(tables, tmp_path):
    written = write_features(tables, AS_OF, tmp_path / "features.parquet", load_stages())
    table = pd.read_parquet(tmp_path / "features.parquet")
    assert list(table.columns) == ["customer_id", "as_of", *written.names, "stage"]
    assert [name for name in written.names if table[name].nunique(dropna=False) < 2] == []
    assert {"order_count_60d", "attribute:age", "attribute:city=Huế"} <= set(written.names)
    assert {"order_count_180d", "value_365d", "contact_count_30d"} <= set(written.left_out)
    assert table.customer_id.is_monotonic_increasing


def test_all_features_are_kept_on_demand_in_every_format(tables, tmp_path):
    for ending in (".parquet", ".csv", ".csv.gz", ".ndjson"):
        written = write_features(tables, AS_OF, tmp_path / f"features{ending}", load_stages(), every=True)
        assert set(NAMES) <= set(written.names)
        assert written.left_out == ()
    table = pd.read_csv(tmp_path / "features.csv.gz")
    assert list(table.columns) == list(pd.read_parquet(tmp_path / "features.parquet").columns)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["features.csv", "features.csv.gz", "features.ndjson", "features.parquet"]


def test_a_range_of_customers_at_a_time_gives_the_same(tables, tmp_path, monkeypatch):
    cuts = [AS_OF - timedelta(days=30), AS_OF]
    whole = batch.features(tables, cuts)
    write_features(tables, AS_OF, tmp_path / "whole.parquet", load_stages())
    monkeypatch.setattr(customer_ranges, "MOST_ROWS", 90)
    assert len(list(batch.parts(tables, cuts))) > 3
    pd.testing.assert_frame_equal(batch.features(tables, cuts), whole)
    write_features(tables, AS_OF, tmp_path / "parts.parquet", load_stages())
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "parts.parquet"), pd.read_parquet(tmp_path / "whole.parquet"))


def test_customers_with_quotation_marks_lie_in_their_ranges(monkeypatch):
    names = ["a'b", 'c"d', "O'Neil; --", "Đặng", "z\\"]
    orders = [
        {"customer_id": name, "order_id": f"{name}{i}", "ordered_at": FIRST + timedelta(days=i), "unit_price": 1.0, "line_kind": "sale"}
        for name in names
        for i in range(5)
    ]
    tables = tables_from_frames({"orders": pd.DataFrame(orders)})
    whole = batch.features(tables, [AS_OF])
    monkeypatch.setattr(customer_ranges, "MOST_ROWS", 6)
    assert len(list(batch.parts(tables, [AS_OF]))) == 5
    pd.testing.assert_frame_equal(batch.features(tables, [AS_OF]), whole)
    assert set(whole.customer_id) == set(names)


def test_before_everything_nothing_is_written(tables, tmp_path):
    with pytest.raises(InputError, match="Nothing is known before"):
        write_features(tables, datetime(2020, 1, 1), tmp_path / "features.parquet", load_stages())
    assert list(tmp_path.iterdir()) == []


def test_windows_as_long_as_the_history_are_left_out(tables):
    panel = batch.features(tables, [FIRST + timedelta(days=20), FIRST + timedelta(days=40)])
    assert {"order_count_30d", "value_30d_share"} <= set(learnable(panel))
    assert not {"order_count_60d", "order_count_90d", "value_90d_share"} & set(learnable(panel))
    assert "order_count_60d" in learnable(batch.features(tables, [AS_OF]))
