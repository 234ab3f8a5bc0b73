from datetime import datetime

import pytest

from features.errors import InputError
from features.home import open_home
from features.ingest.mapping import load_mapping, parse_mapping
from features.ingest.preset_names import presets
from features.ingest.run import ingest


def test_presets_are_found_by_name() -> None:
    assert {"cdnow", "shopify-orders", "uci-online-retail", "woocommerce-orders"} <= set(presets())
    for preset in presets():
        assert load_mapping(preset).orders.columns["customer_id"]


def test_a_file_is_read_as_a_preset_is(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("orders:\n  columns: {customer_id: Khách hàng, ordered_at: [Ngày, Date]}\n  fee_codes: [1, SHIP]\n", encoding="utf-8")
    mapping = load_mapping(str(file))
    assert mapping.orders.columns == {"customer_id": ("Khách hàng",), "ordered_at": ("Ngày", "Date")}
    assert mapping.orders.fee_codes == ("1", "SHIP")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"order": {}}, ["'order'", "orders"]),
        ({"orders": {"colums": {}}}, ["orders.colums", "columns"]),
        ({"orders": {"columns": {"customerid": "X"}}}, ["'customerid'", "customer_id"]),
        ({"products": {"fee_codes": ["P"]}}, ["products.fee_codes"]),
        ({"orders": {"header": False}}, ["names"]),
        ({"orders": {"names": ["a"]}}, ["header: false"]),
        ({"orders": {"encoding": "klingon"}}, ["klingon", "latin-1"]),
        ({"orders": {"separator": "ab"}}, ["'ab'", "whitespace"]),
        ({"orders": {"decimal": ";"}}, ["orders.decimal"]),
        ({"orders": {"cancelled_order_pattern": "("}}, ["cancelled_order_pattern"]),
        ({"orders": {"columns": {"customer_id": None}}}, ["orders.columns.customer_id"]),
        ({"orders": {"derive": {"events": {"value": "x"}}}}, ["'events'", "products, customers"]),
        ({"orders": {"derive": {"products": {"nam": "x"}}}}, ["'nam'", "name"]),
        ({"events": {"values": {"event_typ": {"a": "b"}}}}, ["'event_typ'", "event_type"]),
        ("orders", ["mapping"]),
    ],
)
def test_what_is_unknown_is_named_with_what_is_known(given: object, said: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_mapping(given, source="mine.yaml")
    assert "mine.yaml" in str(caught.value)
    for words in said:
        assert words in str(caught.value)


def test_an_unknown_preset_lists_the_presets() -> None:
    with pytest.raises(
        InputError, match=r"uci-online-retial.*nearest: uci-online-retail.*cdnow, instacart, shopify-orders, uci-online-retail"
    ):
        load_mapping("uci-online-retial")


def test_a_missing_or_broken_file_is_said_to_be_so(tmp_path) -> None:
    with pytest.raises(InputError, match="no such mapping file"):
        load_mapping(str(tmp_path / "none.yaml"))
    broken, binary = tmp_path / "broken.yaml", tmp_path / "binary.yaml"
    broken.write_text("orders: {columns: [")
    binary.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="is no YAML"):
        load_mapping(str(broken))
    with pytest.raises(InputError, match="cannot be read"):
        load_mapping(str(binary))


def test_an_empty_file_maps_nothing(tmp_path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    assert load_mapping(str(tmp_path / "empty.yaml")).orders.columns == {}


def test_consent_to_any_channel_may_be_mapped() -> None:
    mapping = parse_mapping({"customers": {"columns": {"consent_zalo": "OK Zalo"}}}, source="m")
    assert mapping.customers.columns == {"consent_zalo": ("OK Zalo",)}


@pytest.mark.parametrize("date_format", ["%q", ["%Y-%m-%d", "%q"]])
def test_a_date_format_that_means_nothing_is_refused(tmp_path, date_format):
    orders = tmp_path / "orders.csv"
    orders.write_text("customer_id,ordered_at\na,2025-01-01\n")
    mapping = parse_mapping({"orders": {"date_format": date_format}}, source="mapping.yaml")
    with pytest.raises(InputError, match=r"date_format '%q'.*%d/%m/%Y"):
        ingest(open_home(tmp_path / "home"), {"orders": [orders]}, mapping, today=datetime(2025, 6, 1))
