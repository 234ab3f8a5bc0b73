"""The peers of the features' benchmark compute what the executor computes, or its ratios would compare different work."""

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks import hand_pandas, hand_sql
from benchmarks.compared_features import NAMES, compared
from benchmarks.generated_shop import AS_OF, make_home, month_starts
from features import batch
from features.contract import TABLES
from features.engine import open_tables
from features.home import Home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("bench") / "home", 20_000, threads=2)


@pytest.fixture(scope="module")
def ours(home: Home) -> pd.DataFrame:
    return _sorted(pa.concat_tables(batch.parts(open_tables(home), [AS_OF], compared())))


def _sorted(rows: pa.Table) -> pd.DataFrame:
    return rows.to_pandas().sort_values("customer_id", ignore_index=True)[["customer_id", "cut_us", *NAMES]]


def test_the_generated_tables_have_the_contracts_columns(home: Home):
    for name in ("orders", "products"):
        stored = duckdb.sql(f"SELECT * FROM '{home.table(name)}'")
        assert tuple(stored.columns) == TABLES[name].names
    lines, customers, sales = duckdb.sql(
        f"SELECT count(*), count(DISTINCT customer_id), count(*) FILTER (line_kind = 'sale') FROM '{home.table('orders')}'"
    ).fetchone()
    assert lines == 20_000
    assert 30 < lines / customers < 55
    assert 0.95 < sales / lines < 0.99


def test_sql_by_hand_gives_the_same_columns(home: Home, ours: pd.DataFrame):
    rows = duckdb.sql(hand_sql.query(home.table("orders"), home.table("products"), AS_OF)).to_arrow_table()
    pd.testing.assert_frame_equal(_sorted(rows), ours, rtol=1e-9, atol=1e-9, check_dtype=False)


def test_sql_and_pandas_by_hand_agree_in_the_middle_of_the_history(home: Home):
    cut = month_starts(12)[0]
    rows = duckdb.sql(hand_sql.query(home.table("orders"), home.table("products"), cut)).to_arrow_table()
    frame = hand_pandas.features(home.table("orders"), home.table("products"), cut).sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(_sorted(rows), frame, rtol=1e-9, atol=1e-9, check_dtype=False)
