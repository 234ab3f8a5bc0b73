"""What an order's rows say together. Small files, every expected value worked out by hand."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError
from features.home import Home, open_home
from features.ingest.mapping import parse_mapping
from features.ingest.report import Report
from features.ingest.run import ingest

TODAY = datetime(2024, 6, 1)
COLUMNS = {"customer_id": "who", "order_id": "no", "ordered_at": "at"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def take(home: Home, text: str, **options) -> Report:
    file = home.root.parent / "orders.csv"
    file.write_text(text, encoding="utf-8")
    return ingest(home, {"orders": [file]}, parse_mapping({"orders": {"columns": COLUMNS, **options}}, source="test"), today=TODAY)


def orders(home: Home) -> pd.DataFrame:
    return pd.read_parquet(home.table("orders"))


def test_an_empty_value_is_filled_from_above_within_its_order_alone(home) -> None:
    text = "no,who,at,pot,product_id\n1,A,2024-01-01,,a\n1,,,,b\n2,B,2024-01-02,x,c\n1,,,y,d\n2, ,,,e\n1,,,,f\n"
    take(home, text, fill_down=["who", "at", "pot"])
    table = orders(home).sort_values("product_id").astype("object")
    assert table[["product_id", "customer_id", "pot"]].where(table.notna(), None).to_numpy().tolist() == [
        ["a", "A", None],
        ["b", "A", None],
        ["c", "B", "x"],
        ["d", "A", "y"],
        ["e", "B", "x"],
        ["f", "A", "y"],
    ]
    assert table.ordered_at.astype("str").str[:10].tolist() == ["2024-01-01"] * 2 + ["2024-01-02", "2024-01-01", "2024-01-02", "2024-01-01"]


def test_a_row_without_an_order_is_not_filled(home) -> None:
    report = take(home, "no,who,at\n,A,2024-01-01\n,,2024-01-02\n", fill_down=["who"])
    assert [f.reason for f in report.table("orders").dropped] == ["no customer"]


def test_a_place_in_a_file_with_filled_values_is_still_the_line_that_it_stands_in(home) -> None:
    with pytest.raises(InputError, match="first at line 5: 'soon'"):
        take(home, 'no,who,at,note\n1,A,2024-01-01,"two\nlines"\n1,,,\n2,B,soon,\n', fill_down=["who", "at", "note"])


def test_rows_that_are_no_purchase_are_left_out_and_counted_before_they_are_judged(home) -> None:
    report = take(home, "no,who,at,state\n1,A,2024-01-01,paid\n2,B,never,Void\n3,,2024-01-01,void\n", leave_out={"state": "(?i)^void$"})
    assert orders(home).order_id.tolist() == ["1"]
    assert [(f.reason, f.count, f.line) for f in report.table("orders").dropped] == [("left out, as the mapping says", 2, 3)]


def test_a_status_that_stands_on_the_first_row_leaves_the_whole_order_out(home) -> None:
    text = "no,who,at,state\n1,A,2024-01-01,void\n1,,,\n2,B,2024-01-02,paid\n"
    take(home, text, fill_down=["who", "at", "state"], leave_out={"state": "void"})
    assert orders(home).order_id.tolist() == ["2"]


def test_an_order_that_is_cancelled_later_goes_out_of_the_home(home) -> None:
    for state, left in (("paid", ["1", "2"]), ("void", ["2"]), ("paid", ["1", "2"])):
        take(home, f"no,who,at,state\n1,A,2024-01-01,{state}\n2,B,2024-01-02,paid\n", leave_out={"state": "void"})
        assert sorted(orders(home).order_id) == left


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fill_down": ["whom"]}, "orders.fill_down: the file has no column 'whom' \\(nearest: who\\)"),
        ({"leave_out": {"status": "x"}}, "orders.leave_out: the file has no column 'status'"),
        ({"leave_out": {"state": "("}}, "orders.leave_out.state: .* no regular expression"),
        ({"fill_down": ["who"], "columns": {}}, "fill_down fills within an order"),
    ],
)
def test_what_cannot_be_filled_or_left_out_is_named(home, options: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        take(home, "no,who,at,state\n1,A,2024-01-01,paid\n", **options)
