"""Suggested mappings: they can be loaded, they name the columns that a person would, and say what is unsure."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError
from features.home import open_home
from features.ingest.mapping import SourceMapping, load_mapping
from features.ingest.run import ingest
from features.ingest.suggesting import suggest_mapping

TODAY = datetime(2024, 6, 1)
SAMPLES = Path(__file__).parent / "samples"
UCI = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
C536379,POST,POSTAGE,-1,2010-12-02 09:41:00,18,17850,France
"""
CDNOW = " 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n 00002 19970112  5   77.00\n"
SALES = "Bill;Client;Item;When;Pieces;Total\n1;C1;A;05/03/2023 09:12;2;1.019,80\n2;C1;B;06/03/2023 09:12;1;4,50\n"


@pytest.fixture
def suggested(tmp_path):
    def suggest(content: str | bytes, name: str = "file.csv") -> tuple[str, SourceMapping]:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        text = suggest_mapping(tmp_path / name)
        (tmp_path / "mapping.yaml").write_text(text, encoding="utf-8")
        return text, load_mapping(str(tmp_path / "mapping.yaml"))

    return suggest


def mapped(mapping: SourceMapping, table: str = "orders") -> dict[str, str]:
    return {column: names[0] for column, names in mapping.table(table).columns.items()}


@pytest.mark.parametrize(
    ("content", "preset"),
    [
        (UCI, "uci-online-retail"),
        (CDNOW, None),
        ((SAMPLES / "shopify-orders.csv").read_text(), "shopify-orders"),
        ((SAMPLES / "woocommerce-orders.csv").read_text(encoding="utf-8-sig"), "woocommerce-orders"),
    ],
)
def test_what_is_suggested_for_a_known_export_is_read_as_its_preset_reads_it(suggested, tmp_path, content: str, preset: str | None) -> None:
    text, mapping = suggested(content)
    assert (f"--mapping {preset}" in text) == (preset is not None)
    read = []
    for number, given in enumerate((mapping, load_mapping(preset or "cdnow"))):
        home = open_home(tmp_path / str(number))
        ingest(home, {"orders": [tmp_path / "file.csv"]}, given, today=TODAY)
        columns = ["order_id", "product_id", "customer_id", "ordered_at", "unit_price", "discount_amount"]
        read.append(pd.read_parquet(home.table("orders"))[columns])
    own, known = read
    both = own[own.order_id.isin(known.order_id)]
    order = ["order_id", "product_id", "unit_price"]
    pd.testing.assert_frame_equal(both.sort_values(order, ignore_index=True), known.sort_values(order, ignore_index=True))


def test_columns_are_found_by_their_names(suggested) -> None:
    _, mapping = suggested(UCI)
    assert mapped(mapping) == {
        "customer_id": "CustomerID",
        "order_id": "InvoiceNo",
        "product_id": "StockCode",
        "ordered_at": "InvoiceDate",
        "quantity": "Quantity",
        "unit_price": "UnitPrice",
    }


def test_what_stands_on_first_rows_alone_is_filled_down(suggested) -> None:
    text, mapping = suggested((SAMPLES / "shopify-orders.csv").read_text())
    assert mapping.orders.fill_down == ("Email", "Created at", "Source", "Currency")
    assert mapped(mapping)["discount_amount"] == "Lineitem discount"
    assert '"Financial Status" says "paid, refunded"' in text


def test_a_file_without_a_header_is_matched_by_its_values(suggested) -> None:
    text, mapping = suggested(CDNOW)
    assert (mapping.orders.separator, mapping.orders.header, mapping.orders.date_format) == ("whitespace", False, ("%Y%m%d",))
    assert list(mapped(mapping)) == ["customer_id", "ordered_at", "quantity", "amount"]
    assert text.count("unsure: by its values alone") == 4


def test_how_dates_and_numbers_are_written_is_found_and_doubted(suggested) -> None:
    text, mapping = suggested(SALES)
    assert (mapping.orders.decimal, mapping.orders.date_format) == (",", ("%d/%m/%Y %H:%M",))
    assert "unsure: %m/%d/%Y %H:%M fits, too" in text
    assert mapped(mapping)["amount"] == "Total"
    assert "fits, too" not in suggested(SALES.replace("05/03", "25/03"))[0]


def test_a_column_of_the_right_name_and_the_wrong_values_is_not_taken(suggested) -> None:
    _, mapping = suggested("Customer,Date,Price,Quantity,Bought\nA,soon,cheap,few,2024-01-01\nB,later,dear,many,2024-01-02\n")
    assert mapped(mapping) == {"customer_id": "Customer", "ordered_at": "Bought"}


def test_vietnamese_names_are_known(suggested) -> None:
    _, mapping = suggested("Mã khách hàng,Mã đơn hàng,Ngày,Số lượng,Đơn giá\nK1,D1,2024-01-01,2,15000\n")
    assert list(mapped(mapping)) == ["customer_id", "order_id", "ordered_at", "quantity", "unit_price"]


def test_what_is_missing_is_said(suggested) -> None:
    text, mapping = suggested("colour,remark\nred,a thing\nblue,another\n")
    assert "missing, and required" in text
    assert not any(mapped(mapping, table) for table in ("orders", "products", "customers", "events", "decisions", "outcomes"))


def test_order_lines_without_a_date_are_order_lines_all_the_same(suggested) -> None:
    text, mapping = suggested("item_id,customer_id,order_id\nA,1,7\nB,1,7\n")
    assert list(mapped(mapping)) == ["customer_id", "order_id", "product_id"]
    assert "# ordered_at: ...  # missing, and required" in text


def test_other_tables_are_recognised(suggested) -> None:
    text, mapping = suggested("SKU,Title,Vendor,Category,Price\nA,Mug,Birch,Kitchen,9.5\nB,Pot,Birch,Kitchen,25\n")
    assert text.splitlines()[1] == "products:"
    assert list(mapped(mapping, "products")) == ["product_id", "name", "category", "brand", "list_price"]
    text, mapping = suggested("Customer ID,Full name,E-mail,City\n1,Ana,a@example.com,Bonn\n")
    assert list(mapped(mapping, "customers")) == ["customer_id", "name", "email", "city"]


def test_another_encoding_is_named(suggested) -> None:
    text, mapping = suggested("Customer,Date,Größe\nJörg,2024-01-01,M\n".encode("cp1252"))
    assert mapping.orders.encoding == "cp1252"
    assert "unsure: not UTF-8" in text


def test_parquet_is_read_too(tmp_path) -> None:
    pd.DataFrame({"Client": ["A", "B"], "When": pd.to_datetime(["2024-01-01", "2024-01-02"])}).to_parquet(tmp_path / "x.parquet")
    text = suggest_mapping(tmp_path / "x.parquet")
    assert 'customer_id: "Client"' in text
    assert 'ordered_at: "When"' in text


@pytest.mark.parametrize(("content", "said"), [("", "is empty"), ("a,b\n", "a header and no rows"), (b"PK\x03\x04x", "spreadsheet")])
def test_a_file_that_cannot_be_read_is_refused(suggested, content: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        suggested(content)


def test_a_long_file_is_judged_by_its_whole_first_lines(suggested) -> None:
    _, mapping = suggested("customer_id,ordered_at,note\n" + "A,2024-01-01,some words about it\n" * 5000)
    assert list(mapped(mapping)) == ["customer_id", "ordered_at"]
