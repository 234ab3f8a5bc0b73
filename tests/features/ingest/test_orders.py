"""Order lines: what a line is, and what is made of what is missing. Small files, every expected value worked out by hand."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError
from features.home import Home, open_home
from features.ingest.mapping import parse_mapping
from features.ingest.report import Report
from features.ingest.run import ingest

TODAY = datetime(2024, 9, 1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def take(home: Home, text: str, *, options: dict | None = None, name: str = "orders.csv", **more) -> Report:
    file = home.root.parent / name
    file.write_text(text, encoding="utf-8")
    return ingest(home, {"orders": [file]}, parse_mapping({"orders": options or {}}, source="test"), today=TODAY, **more)


def orders(home: Home) -> pd.DataFrame:
    return pd.read_parquet(home.table("orders"))


def reasons(findings) -> dict[str, int]:
    return {f.reason: f.count for f in findings}


def test_the_contracts_own_names_need_no_mapping_whatever_their_case(home) -> None:
    take(home, "Customer_ID,ORDER_ID,product_id,ordered_at,quantity,unit_price\nA,1,P,2024-01-02 03:04:05,2,1.5\n")
    row = orders(home).iloc[0]
    assert (row.customer_id, row.order_id, row.product_id, row.quantity, row.unit_price) == ("A", "1", "P", 2.0, 1.5)
    assert row.ordered_at == pd.Timestamp("2024-01-02 03:04:05")
    assert (row.line_kind, row.discount_amount) == ("sale", 0.0)


def test_columns_stand_in_the_contracts_order_with_its_types_and_attributes_behind(home) -> None:
    take(home, "zebra,customer_id,ordered_at,Ant\nx,A,2024-01-01,7\n")
    table = orders(home)
    assert list(table.columns) == [
        *["customer_id", "order_id", "product_id", "ordered_at", "quantity", "unit_price", "discount_amount"],
        *["channel", "store_id", "currency", "line_kind", "returned_order_id", "returned_order_derived", "posted_line", "Ant", "zebra"],
    ]
    assert str(table.ordered_at.dtype) == "datetime64[us]"
    assert {str(table[c].dtype) for c in ("quantity", "unit_price", "discount_amount", "Ant")} == {"float64"}


def test_without_order_ids_a_customer_has_one_order_per_instant(home) -> None:
    report = take(home, "customer_id,ordered_at,product_id\nA,2024-01-01,P\nA,2024-01-01,Q\nA,2024-01-02,P\nB,2024-01-01,P\n")
    table = orders(home)
    assert table.groupby("customer_id").order_id.nunique().to_dict() == {"A": 2, "B": 1}
    assert table.order_id.nunique() == 3
    assert reasons(report.table("orders").repaired)["order_id: none, made from customer and instant"] == 4


def test_an_amount_is_the_price_of_the_whole_line(home) -> None:
    take(
        home,
        "customer_id,ordered_at,quantity,total\nA,2024-01-01,4,10\nA,2024-01-02,0,10\n",
        options={"columns": {"amount": "total"}},
    )
    table = orders(home)
    assert list(table.unit_price) == [2.5, 10.0]
    assert "amount" not in table.columns


def test_a_column_called_amount_is_an_attribute_until_it_is_mapped(home) -> None:
    take(home, "customer_id,ordered_at,Amount,__row,Customer_ID2\nA,2024-01-01,lots,7,x\n")
    table = orders(home)
    assert (table["Amount"][0], table["source___row"][0]) == ("lots", 7.0)
    assert table.unit_price.isna().all()


def test_no_quantity_is_one_and_no_price_is_unknown(home) -> None:
    report = take(home, "customer_id,ordered_at,quantity,unit_price\nA,2024-01-01,,5\nA,2024-01-02,3,\n")
    table = orders(home)
    assert list(table.quantity) == [1.0, 3.0]
    assert table.unit_price.isna().tolist() == [False, True]
    assert reasons(report.table("orders").repaired)["quantity: empty, taken as 1"] == 1


def test_returns_are_negative_quantities_and_cancelled_orders(home) -> None:
    text = "customer_id,order_id,ordered_at,quantity,unit_price\nA,1,2024-01-01,2,5\nA,2,2024-01-02,-1,5\nA,C3,2024-01-03,2,-5\n"
    report = take(home, text, options={"cancelled_order_pattern": "^C"})
    table = orders(home)
    assert list(table.line_kind) == ["sale", "return", "return"]
    assert list(table.quantity) == [2.0, -1.0, -2.0]
    assert list(table.unit_price) == [5.0, 5.0, 5.0]
    assert reasons(report.table("orders").repaired)["returns with a positive quantity or a negative price: signs turned"] == 1
    assert reasons(report.table("orders").noted)["return lines"] == 2
    assert reasons(report.table("orders").noted)["return lines of the whole table without an earlier order of the product"] == 2


def test_a_negative_amount_without_quantity_is_one_piece_back(home) -> None:
    take(home, "customer_id,ordered_at,total\nA,2024-01-01,-20\n", options={"columns": {"amount": "total"}})
    row = orders(home).iloc[0]
    assert (row.line_kind, row.quantity, row.unit_price) == ("return", -1.0, 20.0)


def test_fees_are_codes_that_are_no_products_and_sales_at_a_negative_price(home) -> None:
    text = "customer_id,order_id,ordered_at,product_id,quantity,unit_price\nA,1,2024-01-01,12345,1,5\nA,1,2024-01-01,POST,1,3\nA,1,2024-01-01,99999,1,2\n"
    report = take(home, text + "A,1,2024-01-01,12345,1,-4\n", options={"product_pattern": r"^\d{5}$", "fee_codes": ["99999"]})
    table = orders(home).sort_values("unit_price")
    assert list(zip(table.unit_price, table.line_kind, strict=True)) == [(-4.0, "fee"), (2.0, "fee"), (3.0, "fee"), (5.0, "sale")]
    assert reasons(report.table("orders").repaired)["sales at a negative price: taken as corrections (fees)"] == 1


def test_a_price_of_zero_is_a_purchase(home) -> None:
    take(home, "customer_id,ordered_at,quantity,unit_price\nA,2024-01-01,1,0\n")
    assert list(orders(home).line_kind) == ["sale"]


def test_lines_without_customer_are_dropped_and_counted_even_when_the_rest_of_them_is_bad(home) -> None:
    report = take(home, "customer_id,ordered_at,quantity\nA,2024-01-01,1\n,2024-01-01,1\nnan,yesterday,x\n")
    assert len(orders(home)) == 1
    (finding,) = report.table("orders").dropped
    assert (finding.reason, finding.count, finding.line) == ("no customer", 2, 3)


def test_a_file_without_any_customer_is_refused(home) -> None:
    with pytest.raises(InputError, match="no row of 1 is left"):
        take(home, "customer_id,ordered_at\n,2024-01-01\n")
    assert not home.table("orders").exists()


def test_ids_that_a_spreadsheet_made_decimal_are_repaired(home) -> None:
    report = take(home, "customer_id,ordered_at,product_id\n17850.0,2024-01-01,007\n")
    row = orders(home).iloc[0]
    assert (row.customer_id, row.product_id) == ("17850", "007")
    (found,) = [f for f in report.table("orders").repaired if f.reason.startswith("customer_id")]
    assert (found.count, found.line, found.value) == (1, 2, "17850.0")


def test_equal_lines_are_kept_and_reported(home) -> None:
    report = take(home, "customer_id,order_id,ordered_at,product_id\n" + "A,1,2024-01-01,P\n" * 3)
    assert len(orders(home)) == 3
    assert reasons(report.table("orders").noted)["equal lines, kept"] == 2


def test_the_same_file_again_changes_nothing_and_an_order_is_replaced_whole(home) -> None:
    head = "customer_id,order_id,ordered_at,product_id\n"
    take(home, head + "A,1,2024-01-01,P\nA,1,2024-01-01,Q\nB,2,2024-01-02,P\n")
    before = home.table("orders").read_bytes()
    again = take(home, head + "A,1,2024-01-01,P\nA,1,2024-01-01,Q\nB,2,2024-01-02,P\n")
    assert home.table("orders").read_bytes() == before
    assert not again.table("orders").changed
    take(home, head + "A,1,2024-01-01,R\nC,3,2024-01-03,P\n")
    table = orders(home)
    assert list(zip(table.order_id, table.product_id, strict=True)) == [("1", "R"), ("2", "P"), ("3", "P")]


def test_of_overlapping_files_the_later_one_counts(home, tmp_path) -> None:
    first, second = tmp_path / "jan.csv", tmp_path / "feb.csv"
    first.write_text("customer_id,order_id,ordered_at,product_id\nA,1,2024-01-31,P\nA,1,2024-01-31,Q\n")
    second.write_text("customer_id,order_id,ordered_at,product_id,note\nA,1,2024-01-31,P,x\nA,2,2024-02-01,Q,y\n")
    report = ingest(home, {"orders": [first, second]}, today=TODAY)
    table = orders(home)
    assert list(zip(table.order_id, table.product_id, table.note, strict=True)) == [("1", "P", "x"), ("2", "Q", "y")]
    assert (report.table("orders").rows_read, report.table("orders").rows_now) == (4, 2)


def test_instants_are_utc_whatever_they_were_written_in(home) -> None:
    text = "customer_id,order_id,ordered_at\nA,1,2024-01-01 10:00\nA,2,2024-01-01T10:00:00+07:00\nA,3,2024-01-01T10:00Z\nA,4,2024-01-01 10:00:00 -0530\n"
    take(home, text)
    assert [t.strftime("%H:%M") for t in orders(home).set_index("order_id").ordered_at.sort_index()] == ["10:00", "03:00", "10:00", "15:30"]
    take(home, text, options={"timezone": "Asia/Ho_Chi_Minh"})
    assert [t.strftime("%H:%M") for t in orders(home).set_index("order_id").ordered_at.sort_index()] == ["03:00", "03:00", "10:00", "15:30"]


def test_dates_are_read_as_the_mapping_writes_them(home) -> None:
    take(
        home,
        "customer_id,ordered_at\nA,31/12/2023\nA,2/1/2024 8:26\n",
        options={"date_format": ["%d/%m/%Y", "%d/%m/%Y %H:%M"], "timezone": "Europe/Berlin"},
    )
    assert [str(t) for t in orders(home).ordered_at] == ["2023-12-30 23:00:00", "2024-01-02 07:26:00"]


def test_numbers_with_a_decimal_comma(home) -> None:
    take(home, "customer_id;ordered_at;unit_price\nA;2024-01-01;1.234,50\n", options={"decimal": ","})
    assert list(orders(home).unit_price) == [1234.5]


def test_products_and_customers_are_derived_from_lines(home) -> None:
    head = "customer_id,order_id,ordered_at,product_id,Description,Country\n"
    options = {"fee_codes": ["SHIP"], "derive": {"products": {"name": "Description"}, "customers": {"country": "Country"}}}
    take(
        home,
        head + "A,1,2024-01-01,P,Nón lá,VN\nA,2,2024-01-02,P,Nón lá,FR\nB,3,2024-01-01,P,hat,\nB,3,2024-01-01,SHIP,postage,DE\n",
        options=options,
    )
    products, customers = pd.read_parquet(home.table("products")), pd.read_parquet(home.table("customers"))
    assert dict(zip(products.product_id, products.name, strict=True)) == {"P": "Nón lá"}
    assert dict(zip(customers.customer_id, customers.country, strict=True)) == {"A": "FR", "B": "DE"}


def test_what_a_file_says_of_products_outlives_what_lines_say_and_newer_lines_win_over_older(home, tmp_path) -> None:
    head = "customer_id,order_id,ordered_at,product_id,Description\n"
    options = {"derive": {"products": {"name": "Description"}}}
    products = tmp_path / "products.csv"
    products.write_text("product_id,name\nP,Proper name\n")

    def names() -> dict[str, str]:
        table = pd.read_parquet(home.table("products"))
        return dict(zip(table.product_id, table.name, strict=True))

    take(home, head + "A,1,2024-01-01,P,old\nA,1,2024-01-01,Q,old\n", options=options)
    ingest(home, {"products": [products]}, today=TODAY)
    assert names() == {"P": "Proper name", "Q": "old"}
    take(home, head + "A,2,2024-01-02,P,new\n" + "A,2,2024-01-02,Q,new\n" * 2, options=options)
    assert names() == {"P": "Proper name", "Q": "new"}


def test_lines_fill_what_files_of_the_same_ingest_leave_empty(home, tmp_path) -> None:
    texts = {
        "orders": "customer_id,order_id,ordered_at,product_id,Description,Town\nA,1,2024-01-01,P,Hat,Huế\nB,2,2024-01-02,Q,Cap,Paris\n",
        "products": "product_id,name\nP,Proper name\nQ,\nR,Rope\n",
        "customers": "customer_id,city\nA,\nC,Rome\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text)
    sources = {name: [tmp_path / f"{name}.csv"] for name in texts}
    derive = {"products": {"name": "Description"}, "customers": {"city": "Town"}}
    mapping = parse_mapping({"orders": {"derive": derive}}, source="test")
    ingest(home, sources, mapping, today=TODAY)
    products, customers = pd.read_parquet(home.table("products")), pd.read_parquet(home.table("customers"))
    assert dict(zip(products.product_id, products.name, strict=True)) == {"P": "Proper name", "Q": "Cap", "R": "Rope"}
    assert dict(zip(customers.customer_id, customers.city, strict=True)) == {"A": "Huế", "B": "Paris", "C": "Rome"}
    assert not any(table.changed for table in ingest(home, sources, mapping, today=TODAY).tables)


def test_lines_say_their_kind_themselves_if_they_have_one(home) -> None:
    take(home, "customer_id,ordered_at,product_id,quantity,line_kind\nA,2024-01-01,P,1,Fee\nA,2024-01-02,P,1,\n")
    assert list(orders(home).line_kind) == ["fee", "sale"]


def test_the_currency_must_be_the_homes(home) -> None:
    head = "customer_id,ordered_at,currency\n"
    take(home, head + "A,2024-01-01,eur\nA,2024-01-02,\n")
    assert orders(home).currency.fillna("-").tolist() == ["EUR", "-"]
    with pytest.raises(InputError, match=r"currency: not EUR: 1 of 1 rows, first at line 2: 'USD'"):
        take(home, head + "A,2024-01-01,USD\n")


def test_other_currencies_are_converted_at_the_mappings_rates(home) -> None:
    head = "customer_id,order_id,ordered_at,currency,unit_price,discount_amount,shipping\n"
    lines = "A,1,2024-01-01,usd,10,1,5\nA,2,2024-01-02,EUR,10,1,5\nA,3,2024-01-03,,10,1,5\n"
    report = take(home, head + lines, options={"currencies": {"USD": 0.5, "gbp": 1.2, "EUR": 1}})
    table = orders(home)
    assert table.currency.fillna("-").tolist() == ["EUR", "EUR", "-"]
    assert table.unit_price.tolist() == [5.0, 10.0, 10.0]
    assert table.discount_amount.tolist() == [0.5, 1.0, 1.0]
    assert table.shipping.tolist() == [5.0, 5.0, 5.0]
    (found,) = [f for f in report.table("orders").repaired if "currency" in f.reason]
    assert (found.reason, found.count, found.line) == ("amounts in another currency: converted at the mapping's rate", 1, 2)


def test_an_amount_of_the_whole_line_is_converted_too(home) -> None:
    options = {"columns": {"amount": "total"}, "currencies": {"USD": 0.5}}
    take(home, "customer_id,ordered_at,currency,quantity,total\nA,2024-01-01,USD,2,10\n", options=options)
    assert orders(home).unit_price.tolist() == [2.5]


def test_a_currency_without_a_rate_is_refused_with_the_key_that_gives_one(home) -> None:
    with pytest.raises(InputError, match="currency: not EUR or USD: 1 of 2 rows, first at line 3: 'JPY'") as caught:
        take(home, "customer_id,ordered_at,currency\nA,2024-01-01,USD\nA,2024-01-01,JPY\n", options={"currencies": {"USD": 0.92}})
    assert "currencies: {USD: 0.92}" in caught.value.remedy


@pytest.mark.parametrize(
    ("rates", "said"),
    [({"USD": 0}, "greater than 0"), ({"dollar": 1}, "is no currency"), ({"EUR": 2}, "EUR is the home's own currency")],
)
def test_rates_that_are_none_are_refused(home, rates: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        take(home, "customer_id,ordered_at,currency\nA,2024-01-01,EUR\n", options={"currencies": rates})


def test_plain_values_and_those_that_need_care_stand_in_one_column(home) -> None:
    """What a plain cast reads, and what it refuses or would misread, each as the longer way reads it."""
    head = "customer_id,order_id,ordered_at,quantity,unit_price\n"
    lines = [
        "A,1,2024-01-01,1,1",
        "A,2,2024-01-01 10:00:00, 2 ,+2.5",
        "A,3,2024-01-01T10:00:00,1e0,nan",
        "A,4,2024-01-01 10:00:00+07:00,NaN,1",
        " A ,5, 2024-01-01 10:00 ,1,\t3 ",
        "A,6,2024-01-01T10:00:00.250Z,null,0",
    ]
    take(home, head + "\n".join(lines) + "\n")
    table = orders(home).set_index("order_id").sort_index()
    assert set(table.customer_id) == {"A"}
    assert [t.strftime("%H:%M:%S.%f")[:-3] for t in table.ordered_at] == [
        *("00:00:00.000", "10:00:00.000", "10:00:00.000", "03:00:00.000", "10:00:00.000", "10:00:00.250")
    ]
    assert table.quantity.tolist() == [1.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    assert table.unit_price.fillna(-1).tolist() == [1.0, 2.5, -1.0, 1.0, 3.0, 0.0]


@pytest.mark.parametrize("value", ["1_000", "inf", "-Infinity", "1,5", "0x10"])
def test_what_the_engine_would_take_for_a_number_and_nobody_else_is_refused(home, value: str) -> None:
    with pytest.raises(InputError, match="quantity: not a number: 1 of 2 rows, first at line 3"):
        take(home, f'customer_id,ordered_at,quantity\nA,2024-01-01,1\nA,2024-01-01,"{value}"\n')


def test_clocks_that_are_turned_for_summer_are_followed(home) -> None:
    text = (
        "customer_id,order_id,ordered_at\nA,1,2024-03-31 01:30:00\nA,2,2024-03-31 03:30:00\nA,3,2024-07-01\nA,4,2024-03-31 03:30:00+02:00\n"
    )
    take(home, text, options={"timezone": "Europe/Berlin"}, name="summer.csv")
    table = orders(home).set_index("order_id").sort_index()
    assert [str(t) for t in table.ordered_at] == [
        "2024-03-31 00:30:00",
        "2024-03-31 01:30:00",
        "2024-06-30 22:00:00",
        "2024-03-31 01:30:00",
    ]
