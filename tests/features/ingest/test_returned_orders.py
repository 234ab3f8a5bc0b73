"""Returns linked to the orders that they take back from: small tables, every link worked out by hand."""

import itertools
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.contract import ORDERS
from features.engine import connect
from features.home import Home, open_home
from features.ingest.run import ingest
from features.store import stored

TODAY = datetime(2025, 6, 1)
HEAD = "customer_id,order_id,ordered_at,product_id,quantity\n"
EARLY = "A,1,2025-01-01,P,1\nA,2,2025-01-05,P,1\nA,2b,2025-01-05,P,2\n"
RETURNS = "A,8,2025-01-05,P,-1\nA,9,2025-01-20,P,-1\nA,9,2025-01-20,Q,-1\nB,10,2025-01-20,P,-1\n"
LATE = "A,3,2025-01-10,P,1\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def take(home: Home, text: str, head: str = HEAD):
    file = home.root.parent / "orders.csv"
    file.write_text(head + text)
    return ingest(home, {"orders": [file]}, today=TODAY)


def links(home: Home) -> dict[str, str]:
    table = pd.read_parquet(home.table("orders"))
    returns = table[table.line_kind == "return"]
    assert table[table.line_kind != "return"].returned_order_id.isna().all()
    return dict(zip(returns.order_id + returns.product_id.fillna(""), returns.returned_order_id.fillna("-"), strict=True))


def test_a_return_is_linked_to_the_customers_newest_earlier_order_of_the_product(home) -> None:
    report = take(home, EARLY + RETURNS).table("orders")
    assert links(home) == {"8P": "1", "9P": "2b", "9Q": "-", "10P": "-"}  # at the same instant is not before; of two, the greater id
    found = {f.reason: f.count for f in report.noted if "whole table" in f.reason}
    assert list(found.values()) == [2, 2]


def test_late_rows_link_too_and_the_order_of_arrival_changes_nothing(tmp_path) -> None:
    tables = []
    for i, parts in enumerate(itertools.permutations([EARLY, RETURNS, LATE])):
        home = open_home(tmp_path / str(i) / "home")
        for part in parts:
            take(home, part)
        assert links(home)["9P"] == "3"
        assert not take(home, parts[-1]).table("orders").changed
        tables.append(home.table("orders").read_bytes())
    assert len(set(tables)) == 1


def test_what_the_source_says_stays_and_what_was_derived_does_not(home) -> None:
    take(
        home,
        "A,1,2025-01-01,P,1,\nA,2,2025-01-05,P,1,\nA,9,2025-01-20,P,-1,1\nA,10,2025-01-21,P,-1,\n",
        HEAD.strip() + ",returned_order_id\n",
    )
    assert links(home) == {"9P": "1", "10P": "2"}
    take(home, LATE)
    assert links(home) == {"9P": "1", "10P": "3"}


def test_an_order_that_is_replaced_is_no_longer_linked_to(home) -> None:
    take(home, EARLY + RETURNS)
    take(home, "A,2,2025-01-05,X,1\nA,2b,2025-01-05,X,1\n")
    assert links(home)["9P"] == "1"


def test_a_homes_own_table_is_ingested_as_it_was_made(home, tmp_path) -> None:
    take(home, EARLY + RETURNS)
    other = open_home(tmp_path / "other")
    ingest(other, {"orders": [home.table("orders")]}, today=TODAY)
    assert other.table("orders").read_bytes() == home.table("orders").read_bytes()
    take(other, LATE)
    assert links(other)["9P"] == "3"


def test_returns_without_a_product_are_not_linked(home) -> None:
    take(home, "A,1,2025-01-01,1\nA,2,2025-01-02,-1\n", "customer_id,order_id,ordered_at,quantity\n")
    assert links(home) == {"2": "-"}


def test_a_table_from_before_these_columns_is_read_with_missing_values(home) -> None:
    take(home, EARLY + RETURNS)
    path = home.table("orders")
    whole = path.read_bytes()
    pq.write_table(pq.read_table(path).drop_columns(["returned_order_id", "returned_order_derived"]), path)
    rows = stored(connect(), home, ORDERS)
    assert rows is not None
    assert rows.returned_order_id.count().to_pyarrow().as_py() == 0
    take(home, EARLY + RETURNS)
    assert path.read_bytes() == whole
