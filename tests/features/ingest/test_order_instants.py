"""Orders whose lines have times of their own: one order stays one order."""

from datetime import datetime, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from features import fingerprints
from features.engine import connect
from features.fingerprints import distinct_count, fingerprint, repeated
from features.history import CustomerHistory
from features.home import Home, open_home
from features.ingest.order_instants import AT_ONCE
from features.ingest.run import ingest

TODAY = datetime(2025, 6, 1)
HEAD = "customer_id,order_id,ordered_at,product_id,quantity\n"
TILL = "A,1,2025-01-01 10:00:03,Q,1\nA,1,2025-01-01 10:00:01,P,1\nA,1,2025-01-02 10:00:01,R,1\nA,1,2025-01-02 10:00:02,S,1\n"
OTHERS = "B,1,2025-01-01 10:00:00,P,1\nA,2,2025-01-01 10:00:09,P,1\nA,1,2025-01-01 10:00:05,P,-1\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def take(home: Home, text: str, head: str = HEAD):
    file = home.root.parent / "orders.csv"
    file.write_text(head + text)
    return ingest(home, {"orders": [file]}, today=TODAY).table("orders")


def times(home: Home) -> dict[tuple[str, str, str], str]:
    table = pd.read_parquet(home.table("orders"))
    keys = zip(table.customer_id, table.order_id, table.product_id + table.quantity.astype(int).astype(str), strict=True)
    return dict(zip(keys, table.ordered_at.astype(str), strict=True))


def test_lines_within_a_day_of_an_orders_first_line_are_placed_with_it(home) -> None:
    report = take(home, TILL + OTHERS)
    assert times(home) == {
        ("A", "1", "P1"): "2025-01-01 10:00:01",
        ("A", "1", "Q1"): "2025-01-01 10:00:01",
        ("A", "1", "R1"): "2025-01-01 10:00:01",  # a day to the second
        ("A", "1", "S1"): "2025-01-02 10:00:02",  # later than a day
        ("A", "1", "P-1"): "2025-01-01 10:00:05",  # a return is a matter of its own
        ("A", "2", "P1"): "2025-01-01 10:00:09",
        ("B", "1", "P1"): "2025-01-01 10:00:00",
    }
    (found,) = [f for f in report.repaired if f.reason == AT_ONCE]
    assert (found.count, found.line) == (2, 2)


def test_it_is_done_once_whatever_the_order_of_the_lines(home, tmp_path) -> None:
    take(home, TILL + OTHERS)
    table = home.table("orders").read_bytes()
    assert not take(home, "".join(reversed((TILL + OTHERS).splitlines(keepends=True)))).changed
    again = open_home(tmp_path / "again")
    report = ingest(again, {"orders": [home.table("orders")]}, today=TODAY).table("orders")
    assert not [f for f in report.repaired if f.reason == AT_ONCE]
    assert again.table("orders").read_bytes() == table


def test_orders_made_of_customer_and_time_stay_apart(home) -> None:
    report = take(home, "A,2025-01-01 10:00:00,P,1\nA,2025-01-01 10:00:09,P,1\n", "customer_id,ordered_at,product_id,quantity\n")
    assert pd.read_parquet(home.table("orders")).ordered_at.nunique() == 2
    assert AT_ONCE not in [f.reason for f in report.repaired]


def test_fingerprints_are_found_equal_where_all_values_are(monkeypatch) -> None:
    monkeypatch.setattr(fingerprints, "_ROWS_AT_ONCE", 100)  # as a large file: in several parts
    draw = np.random.default_rng(7)
    frame = pd.DataFrame({"a": draw.choice(["x", "y", None], 1000), "b": draw.integers(0, 200, 1000).astype(float)})
    engine = connect()
    rows = engine.create_table("rows", frame, temp=True)
    mark = fingerprint([rows.a, rows.b])
    sizes = frame.groupby(["a", "b"], dropna=False).size()
    assert distinct_count(rows, mark, len(frame)) == len(sizes)
    found = repeated(rows, mark, len(frame))
    again = rows.mutate(mark=mark).semi_join(ibis.memtable({"mark": found}), "mark")
    assert len(found) == (sizes > 1).sum()
    assert again.count().to_pyarrow().as_py() == sizes[sizes > 1].sum()


def test_an_empty_table_has_no_fingerprints() -> None:
    rows = connect().create_table("rows", pd.DataFrame({"a": pd.Series([], dtype="str")}), temp=True)
    assert distinct_count(rows, fingerprint([rows.a]), 0) == 0
    assert len(repeated(rows, fingerprint([rows.a]), 0)) == 0


def test_a_day_is_the_same_here_and_for_posted_orders() -> None:
    start = datetime(2025, 1, 1, 10, 0, 1)
    late = [0, 2, 86_400, 86_401]
    lines = [{"order_id": "1", "ordered_at": start + timedelta(seconds=s), "product_id": str(s), "unit_price": 1.0} for s in reversed(late)]
    back = {"order_id": "1", "ordered_at": start + timedelta(seconds=4), "line_kind": "return", "quantity": -1.0}
    history = CustomerHistory.empty().extended([*lines, back])
    seconds = (history.lines["at"] - history.lines["at"].min()) // 1_000_000
    assert sorted(zip(seconds.tolist(), history.lines["kind"].tolist(), strict=True)) == [(0, 0), (0, 0), (0, 0), (4, 1), (86_401, 0)]
