"""Folders of files: partitioned Parquet, several CSV files, and what cannot be used."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError
from features.home import Home, open_home
from features.ingest.run import ingest

TODAY = datetime(2025, 6, 1)
HEAD = "customer_id,order_id,ordered_at,product_id\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def orders(home: Home) -> pd.DataFrame:
    return pd.read_parquet(home.table("orders"))


def lines(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at", "product_id"])
    return frame.assign(ordered_at=pd.to_datetime(frame.ordered_at))


def put(frame: pd.DataFrame, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(file)


def test_partitioned_parquet_is_one_source_whose_folders_are_columns(home, folder) -> None:
    put(lines(("A", "1", "2025-02-01", "P")), folder / "year=2025" / "month=02" / "part-0.parquet")
    put(lines(("A", "1", "2025-02-01", "Q"), ("B", "2", "2025-03-01", "P")), folder / "year=2025" / "month=03" / "part-1.parquet")
    put(lines(("B", "3", "2024-03-01", "P")).assign(note="x"), folder / "year=2024" / "month=a%20b" / "part-0.parquet")
    (folder / "_SUCCESS").touch()
    (folder / "year=2025" / ".part-0.crc").write_text("x")
    report = ingest(home, {"orders": [folder]}, today=TODAY).table("orders")
    table = orders(home).sort_values(["order_id", "product_id"])
    assert list(zip(table.order_id, table.product_id, table.year, table.month, strict=True)) == [
        ("1", "P", 2025.0, "02"),
        ("1", "Q", 2025.0, "03"),  # an order may be spread over the files
        ("2", "P", 2025.0, "03"),
        ("3", "P", 2024.0, "a b"),
    ]
    assert table.note.tolist()[-1] == "x"
    assert (report.files, report.rows_read, report.rows_now) == ((str(folder),), 4, 4)
    assert not report.noted
    assert not ingest(home, {"orders": [folder]}, today=TODAY).table("orders").changed


def test_csv_files_of_a_folder_are_read_like_several_files(home, folder) -> None:
    (folder / "month=01").mkdir()
    (folder / "month=02").mkdir()
    (folder / "month=01" / "orders.csv").write_text(HEAD + "A,1,2025-01-01,P\nA,1,2025-01-01,Q\n")
    (folder / "month=02" / "orders.CSV").write_text(HEAD + "A,1,2025-01-01,R\nB,2,2025-02-01,P\n")
    (folder / "readme.md").write_text("about")
    report = ingest(home, {"orders": [folder]}, today=TODAY).table("orders")
    table = orders(home)
    assert list(zip(table.order_id, table.product_id, table.month, strict=True)) == [("1", "R", "02"), ("2", "P", "02")]
    assert len(report.files) == 2
    assert [(f.reason, f.count) for f in report.noted] == [("files that are neither CSV nor Parquet by their names, not read", 1)]


def test_a_bad_row_of_a_folder_is_found_in_its_file(home, folder) -> None:
    put(lines(("A", "1", "2025-02-01", "P")), folder / "a.parquet")
    put(lines(("A", "2", "2025-02-01", "P"), ("A", "3", "2065-02-01", "P")), folder / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet: orders.ordered_at: in the future: 1 of 3 rows, first at line 2"):
        ingest(home, {"orders": [folder]}, today=TODAY)
    assert not home.table("orders").exists()


def test_a_partition_that_has_no_value_is_missing(home, folder) -> None:
    put(lines(("A", "1", "2025-02-01", "P")), folder / "channel=web" / "a.parquet")
    put(lines(("A", "2", "2025-02-01", "P")), folder / "channel=__HIVE_DEFAULT_PARTITION__" / "a.parquet")
    ingest(home, {"orders": [folder]}, today=TODAY)
    assert orders(home).channel.fillna("-").tolist() == ["web", "-"]


def test_a_folder_without_usable_files_and_one_with_a_damaged_file(home, folder) -> None:
    with pytest.raises(InputError, match="no CSV or Parquet file below this folder"):
        ingest(home, {"orders": [folder]}, today=TODAY)
    (folder / "orders.xlsx").touch()
    with pytest.raises(InputError, match=r"\(1 other files\)") as caught:
        ingest(home, {"orders": [folder]}, today=TODAY)
    assert caught.value.remedy.endswith(".")
    (folder / "a.parquet").write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        ingest(home, {"orders": [folder]}, today=TODAY)


def test_a_file_whose_name_has_signs_of_a_pattern(home, folder) -> None:
    (folder / "what?[1]*.csv").write_text(HEAD + "A,1,2025-01-01,P\n")
    put(lines(("A", "2", "2025-02-01", "P")), folder / "what?[1]*.parquet")
    ingest(home, {"orders": [folder]}, today=TODAY)
    assert orders(home).order_id.tolist() == ["1", "2"]
    ingest(home, {"orders": [folder / "what?[1]*.csv", folder / "what?[1]*.parquet"]}, today=TODAY)
    assert orders(home).order_id.tolist() == ["1", "2"]


def test_folders_that_do_not_agree_on_their_columns_are_refused(home, folder) -> None:
    put(lines(("A", "1", "2025-02-01", "P")), folder / "year=2025" / "a.parquet")
    put(lines(("A", "2", "2025-02-01", "P")), folder / "region=north" / "a.parquet")
    with pytest.raises(InputError, match="cannot be read as Parquet") as caught:
        ingest(home, {"orders": [folder]}, today=TODAY)
    assert "name the same columns" in caught.value.remedy
