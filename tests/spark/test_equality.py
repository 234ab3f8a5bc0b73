"""One set of expressions, two engines: Spark gives what DuckDB gives, whole numbers exactly and the others to nine digits."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from features import attributes, batch, cutoffs
from features.contacts import contact_history, response_table
from features.definitions import FEATURES
from features.engine import Tables, tables_from_frames
from features.interactions import purchases
from features.labels import purchases_after
from features.profiles import consents, profiles
from features.training_sets import churn_panel

CUTS = [datetime(2024, 6, 1), datetime(2024, 9, 1, 12), datetime(2025, 2, 1)]
COUNTS = [f.name for f in FEATURES if f.unit == "count"]


@pytest.fixture(scope="module")
def duckdb(shop) -> Tables:
    return tables_from_frames(shop)


@pytest.fixture(scope="module")
def spark(shop, spark_master) -> Tables:
    return tables_from_frames(shop, engine="spark", spark_master=spark_master)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame, key: list[str], exact: list[str] | None = None) -> None:
    found, expected = (table.sort_values(key, ignore_index=True) for table in (found, expected))
    assert len(expected)
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-9, atol=1e-9)
    for name in exact or []:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


HERE = pytest.mark.parametrize("spark_master", ["local[2]"], indirect=True)


def test_every_feature(duckdb, spark):
    assert_same(batch.features(spark, CUTS), batch.features(duckdb, CUTS), ["as_of", "customer_id"], exact=COUNTS)


def test_labels(duckdb, spark):
    found, expected = (purchases_after(tables, CUTS, 60) for tables in (spark, duckdb))
    assert_same(found, expected, ["as_of", "customer_id"], exact=["future_order_count"])


@HERE
def test_the_training_panel_of_one_cut_off(duckdb, spark):
    """Which takes another way to the features, and has attributes, stages and labels beside them."""
    found, expected = (churn_panel(tables, CUTS[-1:], 60) for tables in (spark, duckdb))
    assert any(name.startswith(attributes.PREFIX) for name in expected)
    assert_same(found, expected, ["as_of", "customer_id"], exact=[*COUNTS, "churned", "future_order_count"])


def test_purchases(duckdb, spark):
    found, expected = (purchases(tables, CUTS[-1]) for tables in (spark, duckdb))
    assert_same(found, expected, ["customer_id", "order_id", "product_id", "ordered_at"])


def test_contacts(duckdb, spark):
    found, expected = (contact_history(tables, CUTS[-1]) for tables in (spark, duckdb))
    assert expected.outcomes.map(len).max() > 1
    pd.testing.assert_frame_equal(found, expected)
    assert_same(response_table(spark, CUTS[-1]), response_table(duckdb, CUTS[-1]), ["decision_id"])


@HERE
def test_who_and_what_there_is(duckdb, spark):
    assert profiles(spark) == profiles(duckdb)
    assert consents(spark) == consents(duckdb)
    assert cutoffs.default_as_of(spark) == cutoffs.default_as_of(duckdb)
    assert cutoffs.first_order_at(spark) == cutoffs.first_order_at(duckdb)


@HERE
def test_a_shop_without_products_and_events(shop, spark_master):
    orders = {"orders": shop["orders"].assign(product_id=None)}
    found = batch.features(tables_from_frames(orders, engine="spark", spark_master=spark_master), CUTS[:1])
    assert_same(found, batch.features(tables_from_frames(orders), CUTS[:1]), ["customer_id"], exact=COUNTS)
