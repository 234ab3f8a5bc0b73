"""Files as users have them: what cannot be used is refused in one sentence with a remedy, and the home stays as it was."""

import csv
import gzip
import io
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.home import Home, open_home
from features.ingest.mapping import SourceMapping, parse_mapping
from features.ingest.run import ingest

TODAY = datetime(2024, 6, 1)
HEAD = b"customer_id,order_id,ordered_at,quantity\n"
GOOD = HEAD + b"A,1,2024-01-01,1\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def options(**orders) -> SourceMapping:
    return parse_mapping({"orders": orders}, source="test")


def take(home: Home, content: bytes, name: str = "orders.csv", mapping: SourceMapping | None = None, **more):
    file = home.root.parent / name
    file.write_bytes(content)
    return ingest(home, {"orders": [file]}, mapping, today=TODAY, **more)


def orders(home: Home) -> pd.DataFrame:
    return pd.read_parquet(home.table("orders"))


def spreadsheet() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("sheet.xml", "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("orders.csv", b"", "is empty"),
        ("orders.csv", b"\n\n  \n", "is empty"),
        ("orders.csv", b"\xef\xbb\xbf", "is empty"),
        ("orders.csv", HEAD, "has a header and no rows"),
        ("orders.csv.gz", GOOD, "named .gz and is not compressed"),
        ("orders.csv.gz", gzip.compress(GOOD * 5000, mtime=0)[:-200], "damaged or cut off"),
        ("orders.csv", gzip.compress(b"", mtime=0), "is empty"),
        ("orders.parquet", GOOD, "named .parquet and is not Parquet"),
        ("orders.parquet", b"PAR1" + b"x" * 100, "cannot be read as Parquet"),
        ("orders.csv", b"customer_id\0,\1\2\3" * 50, "is no text file"),
        ("orders.xlsx", spreadsheet(), "spreadsheet or zip"),
        ("orders.csv", HEAD + "Đặng,1,2024-01-01,1\n".encode("cp1258", "ignore") + b"\xff\xfe\n", "line 2 is not written in utf-8"),
        ("orders.csv", b"customer_id,ordered_at,Ordered_At\nA,2024-01-01,2024-01-01\n", "'ordered_at' stands twice"),
        ("orders.csv", b"client,date\nA,2024-01-01\n", "lacks customer_id, ordered_at"),
        ("orders.csv", HEAD + b"A,1,2024-01-01,1\nB,2,2024-01-01,two\n", r"quantity: not a number: 1 of 2 rows, first at line 3: 'two'"),
        ("orders.csv", HEAD + b"A,1,31.12.2023,1\n", r"ordered_at: not a date or time: 1 of 1 rows, first at line 2: '31.12.2023'"),
        ("orders.csv", HEAD + b"A,1,2023-02-30,1\n", "ordered_at: not a date or time"),
        ("orders.csv", HEAD + b"A,1,,1\n", "ordered_at: empty: 1 of 1 rows, first at line 2"),
        ("orders.csv", HEAD + b"A,1,2024-07-01,1\n", "ordered_at: in the future"),
        ("orders.csv", HEAD + b"A,1,1900-01-01,1\n", "ordered_at: before 1970"),
        ("orders.csv", HEAD + b"A,1,2024-01-01,1\nA,1,2024-01-01\n", "another number of columns.*1 of 2 rows, first at line 3"),
        ("orders.csv", HEAD + b'A,"1,2024-01-01,1\nB,2,2024-01-01,2\n', "quotation mark that is not closed"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_the_home_stays_as_it_was(home, name: str, content: bytes, said: str) -> None:
    take(home, GOOD, name="before.csv")
    before = home.table("orders").read_bytes()
    with pytest.raises(InputError, match=said) as caught:
        take(home, content, name=name)
    assert name in caught.value.problem
    assert caught.value.remedy.endswith(".")
    assert home.table("orders").read_bytes() == before
    assert sorted(p.name for p in home.root.iterdir()) == [".lock", "config", "home.json", "mlflow", "tables"]
    assert [p.name for p in home.tables.iterdir()] == ["orders.parquet"]


def test_a_missing_file_and_a_folder_are_named(home, tmp_path) -> None:
    with pytest.raises(InputError, match="no such file"):
        ingest(home, {"orders": [tmp_path / "none.csv"]}, today=TODAY)
    with pytest.raises(InputError, match="no CSV or Parquet file below this folder"):
        ingest(home, {"orders": [tmp_path]}, today=TODAY)


def test_nothing_to_ingest_and_an_unknown_table(home) -> None:
    with pytest.raises(InputError, match="nothing to ingest"):
        ingest(home, {"orders": []}, today=TODAY)
    with pytest.raises(InputError, match=r"no table 'order' \(nearest: orders\)"):
        ingest(home, {"order": [Path("x")]}, today=TODAY)


def test_one_bad_file_of_several_leaves_every_table(home, tmp_path) -> None:
    good, bad = tmp_path / "orders.csv", tmp_path / "products.csv"
    good.write_bytes(GOOD)
    bad.write_bytes(b"product_id,list_price\nP,cheap\n")
    with pytest.raises(InputError, match="list_price: not a number"):
        ingest(home, {"orders": [good], "products": [bad]}, today=TODAY)
    assert list(home.tables.iterdir()) == []


def test_bad_rows_are_dropped_and_counted_when_that_is_asked_for(home) -> None:
    content = HEAD + b"A,1,2024-01-01,1\nB,2,soon,1\nC,3,2024-01-03,x\nD,4,2024-01-04\nE,5,2030-01-01,1\nF,6,never,1\n"
    report = take(home, content, drop_bad_rows=True).table("orders")
    assert list(orders(home).customer_id) == ["A"]
    assert (report.rows_read, report.rows_written, report.rows_now) == (6, 1, 1)
    found = {f.reason.split(":")[-1].strip(): (f.count, f.line, f.value) for f in report.dropped}
    assert found["not a date or time"] == (2, 3, "soon")
    assert found["not a number"] == (1, 4, "x")
    assert found["in the future"][0] == 1
    assert sum(f.count for f in report.dropped) == 5


def test_bad_rows_are_not_dropped_when_nothing_is_left(home) -> None:
    with pytest.raises(InputError, match="no row of 1 is left"):
        take(home, HEAD + b"A,1,soon,1\n", drop_bad_rows=True)


def test_the_remedy_names_the_columns_that_look_alike(home) -> None:
    with pytest.raises(InputError) as caught:
        take(home, b"CustomerID,OrderedAt\nA,2024-01-01\n")
    assert "{orders: {columns: {customer_id: CustomerID, ordered_at: OrderedAt}}}" in caught.value.remedy


def test_a_mapped_column_that_the_file_lacks_is_named_with_the_nearest(home) -> None:
    with pytest.raises(InputError, match=r"no column 'Customer' \(nearest: customer_id\)"):
        take(home, GOOD, mapping=options(columns={"customer_id": "Customer"}))


def test_lines_are_counted_as_an_editor_counts_them(home) -> None:
    content = b'\n\ncustomer_id,note,ordered_at\r\nA,"two\r\nlines",2024-01-01\r\nB,x,soon\r\n'
    with pytest.raises(InputError, match="first at line 6: 'soon'"):
        take(home, content)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_found(home, separator: str) -> None:
    take(home, GOOD.replace(b",", separator.encode()))
    assert list(orders(home).quantity) == [1.0]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_vietnamese_with_and_without_a_byte_order_mark(home, mark: bytes) -> None:
    take(home, mark + "customer_id,ordered_at,Ghi chú\nNguyễn Thị Ánh,2024-01-01,tặng\n".encode())
    assert list(orders(home).customer_id) == ["Nguyễn Thị Ánh"]
    assert list(orders(home)["Ghi chú"]) == ["tặng"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_other_encodings_are_read_when_they_are_named(home, encoding: str) -> None:
    take(home, "customer_id,ordered_at\nJosé,2024-01-01\n".encode(encoding), mapping=options(encoding=encoding))
    assert list(orders(home).customer_id) == ["José"]


def test_a_file_without_header_gets_its_names_from_the_mapping(home) -> None:
    take(home, b"A,2024-01-01\nB,2024-01-02\n", mapping=options(header=False, names=["customer_id", "ordered_at"]))
    assert list(orders(home).customer_id) == ["A", "B"]
    with pytest.raises(InputError, match="names 1 columns, and the first line has 2"):
        take(home, b"A,2024-01-01\n", mapping=options(header=False, names=["customer_id"]))


def test_blank_separated_rows_of_another_length_are_refused(home) -> None:
    mapping = options(separator="whitespace", header=False, names=["customer_id", "ordered_at"])
    with pytest.raises(InputError, match="1 of 2 rows, first at line 2: 'B'"):
        take(home, b" A 2024-01-01\n B\n", mapping=mapping)


def test_parquet_keeps_its_types_and_zones(home, tmp_path) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [17850.0, 2.0],
            "ordered_at": pd.to_datetime(["2024-01-01 10:00", "2024-01-02 10:00"]).tz_localize("Asia/Ho_Chi_Minh"),
            "quantity": [2, 1],
            "member": [True, False],
        }
    )
    frame.to_parquet(tmp_path / "orders.parquet")
    ingest(home, {"orders": [tmp_path / "orders.parquet"]}, today=TODAY)
    table = orders(home).set_index("customer_id")
    assert str(table.ordered_at["17850"]) == "2024-01-01 03:00:00"
    assert table.quantity["17850"] == 2.0
    assert table.member.dtype == bool


def test_a_time_zone_pattern_or_file_that_the_engine_does_not_know(home) -> None:
    with pytest.raises(InputError, match="'Asia/Hanoi' is no time zone"):
        take(home, GOOD, mapping=options(timezone="Asia/Hanoi"))
    with pytest.raises(InputError, match="is not understood"):
        take(home, GOOD, mapping=options(product_pattern="(?=x)"))


def test_quoted_separators_and_line_ends_are_text(home) -> None:
    take(home, b'customer_id,ordered_at,note\n"A, Ltd.",2024-01-01,"one\ntwo ""three"""\n')
    row = orders(home).iloc[0]
    assert (row.customer_id, row.note) == ("A, Ltd.", 'one\ntwo "three"')


def test_the_report_tells_people_and_programs_the_same(home) -> None:
    report = take(home, GOOD + b",2,2024-01-01,1\n")
    assert report.lines()[0] == "orders: 2 rows read, 1 written; 1 rows now"
    assert "dropped: 1 no customer, first at line 3" in report.lines()[1]
    table = report.as_dict()["tables"]["orders"]
    assert (table["rows_read"], table["dropped"][0]["count"], table["changed"]) == (2, 1, True)


def test_a_damaged_table_of_the_home_is_refused(home) -> None:
    home.table("orders").write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match=r"orders.parquet cannot be read"):
        take(home, GOOD)


# everything that can stand in a UTF-8 file; line ends are made uniform, so only one kind is tried
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_any_text_comes_through_a_csv_file_but_for_the_blanks_around_it(texts: list[str]) -> None:
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerows(
        [["customer_id", "order_id", "ordered_at", "note"], *(["A", f"{i:03}", "2024-01-01", f"<{t}>"] for i, t in enumerate(texts))]
    )
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder) / "home")
        take(home, content.getvalue().encode())
        assert orders(home).note.tolist() == [f"<{t}>" for t in texts]
