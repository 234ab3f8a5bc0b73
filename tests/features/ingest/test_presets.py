"""The presets on small files of the same form as the exports that they are for."""

import gzip
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.home import Home, open_home
from features.ingest.mapping import load_mapping
from features.ingest.run import ingest

TODAY = datetime(2024, 6, 1)
SAMPLES = Path(__file__).parent / "samples"
UCI = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536365,POST,POSTAGE,1,2010-12-01 08:26:00,18,17850,United Kingdom
C536379,85123A,"WHITE HANGING, HEART",-1,2010-12-02 09:41:00,2.55,17850,France
536414,22139,,56,2010-12-01 11:52:00,0,,United Kingdom
A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom
"""
CDNOW = " 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n 00002 19970112  5   77.00\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def test_online_retail(home, tmp_path) -> None:
    file = tmp_path / "online_retail.csv.gz"
    file.write_bytes(gzip.compress(UCI.encode()))
    report = ingest(home, {"orders": [file]}, load_mapping("uci-online-retail"), today=TODAY)
    table = pd.read_parquet(home.table("orders"))
    assert list(zip(table.order_id, table.product_id, table.line_kind, strict=True)) == [
        ("536365", "85123A", "sale"),
        ("536365", "POST", "fee"),
        ("C536379", "85123A", "return"),
    ]
    assert [(f.reason, f.count) for f in report.table("orders").dropped] == [("no customer", 2)]
    assert pd.read_parquet(home.table("products")).product_id.tolist() == ["85123A"]
    assert pd.read_parquet(home.table("customers")).country.tolist() == ["France"]


def test_online_retail_as_its_second_edition_and_spreadsheets_write_it(home, tmp_path) -> None:
    file = tmp_path / "second.csv"
    file.write_text(
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n489434,85048,LIGHTS,12,12/1/2009 7:45,6.95,13085.0,UK\n"
    )
    ingest(home, {"orders": [file]}, load_mapping("uci-online-retail"), today=TODAY)
    row = pd.read_parquet(home.table("orders")).iloc[0]
    assert (row.customer_id, row.unit_price, str(row.ordered_at)) == ("13085", 6.95, "2009-12-01 07:45:00")


def test_cdnow(home, tmp_path) -> None:
    file = tmp_path / "CDNOW_master.txt"
    file.write_text(CDNOW)
    ingest(home, {"orders": [file]}, load_mapping("cdnow"), today=TODAY)
    table = pd.read_parquet(home.table("orders"))
    assert list(table.customer_id) == ["00001", "00002", "00002"]
    assert sorted(table.unit_price) == [11.77, 12.0, 15.4]
    assert table.product_id.isna().all()
    assert table.order_id.nunique() == 2


def test_a_known_export_without_its_preset_is_recognised(home, tmp_path) -> None:
    file = tmp_path / "online_retail.csv"
    file.write_text(UCI)
    with pytest.raises(ValueError, match="--mapping uci-online-retail"):
        ingest(home, {"orders": [file]}, today=TODAY)


def test_shopify_orders(home) -> None:
    report = ingest(home, {"orders": [SAMPLES / "shopify-orders.csv"]}, load_mapping("shopify-orders"), today=TODAY)
    table = pd.read_parquet(home.table("orders")).sort_values(["order_id", "unit_price"])
    said = table[["customer_id", "order_id", "product_id", "quantity", "unit_price", "discount_amount", "channel"]].astype("object")
    assert said.where(said.notna(), None).to_numpy().tolist() == [
        ["ana@example.com", "#1001", None, 1.0, 0.0, 0.0, "web"],
        ["ana@example.com", "#1001", "TOWEL-LIN", 2.0, 12.5, 2.5, "web"],
        ["ana@example.com", "#1001", "TRAY-OAK", 1.0, 39.0, 0.0, "web"],
        ["ben@example.com", "#1002", "TRAY-OAK", 1.0, 39.0, 0.0, "store"],
    ]
    assert set(table[table.order_id == "#1001"].ordered_at) == {pd.Timestamp("2024-02-28 22:40:10")}
    assert [(f.reason, f.count) for f in report.table("orders").dropped] == [("no customer", 1), ("left out, as the mapping says", 3)]
    products = pd.read_parquet(home.table("products"))
    assert products[["product_id", "name", "brand"]].to_numpy().tolist() == [
        ["TOWEL-LIN", "Linen towel, grey", "Birch & Co"],
        ["TRAY-OAK", "Oak tray", "Birch & Co"],
    ]
    customers = pd.read_parquet(home.table("customers"))
    assert customers[["customer_id", "email", "name", "city"]].to_numpy().tolist() == [
        ["ana@example.com", "ana@example.com", "Ana Wolf", "Berlin"],
        ["ben@example.com", "ben@example.com", "Ben Roth", "Bonn"],
    ]


def test_woocommerce_orders(home) -> None:
    report = ingest(home, {"orders": [SAMPLES / "woocommerce-orders.csv"]}, load_mapping("woocommerce-orders"), today=TODAY)
    table = pd.read_parquet(home.table("orders")).sort_values(["order_id", "product_id"])
    assert table[["customer_id", "order_id", "product_id", "quantity", "unit_price"]].to_numpy().tolist() == [
        ["lea@example.com", "731", "MUG-01", 2.0, 9.5],
        ["lea@example.com", "731", "POT-02", 1.0, 25.0],
        ["hugo@example.com", "732", "MUG-01", 1.0, 9.5],
        ["lea@example.com", "735", "MUG-01", 1.0, 9.5],
    ]
    assert table.discount_amount.eq(0).all()
    assert table.ordered_at.iloc[0] == pd.Timestamp("2024-01-15 09:30")
    assert [(f.reason, f.count) for f in report.table("orders").dropped] == [("left out, as the mapping says", 2)]
    assert pd.read_parquet(home.table("customers")).city.tolist() == ["Nice", "Paris"]


@pytest.mark.parametrize("preset", ["shopify-orders", "woocommerce-orders"])
def test_a_shop_systems_export_again_changes_nothing(home, preset: str) -> None:
    for changed in (True, False):
        report = ingest(home, {"orders": [SAMPLES / f"{preset}.csv"]}, load_mapping(preset), today=TODAY)
        assert {table.changed for table in (report.table(n) for n in ("orders", "products", "customers"))} == {changed}
