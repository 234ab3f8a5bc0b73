"""The purchases table: sales with a product, once per order and product, before as_of."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from features.engine import tables_from_frames
from features.interactions import COLUMNS, purchases

CUT = datetime(2025, 3, 1)
EARLIER = CUT - timedelta(days=3)
NAMES = ["customer_id", "order_id", "product_id", "ordered_at", "quantity", "line_kind"]


def orders(*rows):
    return tables_from_frames({"orders": pd.DataFrame([dict(zip(NAMES, row, strict=True)) for row in rows])})


def test_one_row_per_order_and_product_in_the_order_of_time():
    table = purchases(
        orders(
            ("b", "2", "tea", EARLIER + timedelta(hours=2), 1.0, "sale"),
            ("a", "1", "tea", EARLIER + timedelta(minutes=1), 2.0, "sale"),
            ("a", "1", "tea", EARLIER, 3.0, "sale"),
            ("a", "1", "cup", EARLIER, None, "sale"),
        ),
        CUT,
    )
    assert list(table.columns) == list(COLUMNS)
    assert table[["customer_id", "product_id", "quantity"]].to_numpy().tolist() == [["a", "cup", 1.0], ["a", "tea", 5.0], ["b", "tea", 1.0]]
    assert table.ordered_at.tolist() == [EARLIER, EARLIER, EARLIER + timedelta(hours=2)]


def test_returns_fees_lines_without_product_and_the_future_are_no_purchases():
    table = purchases(
        orders(
            ("a", "1", "tea", CUT - timedelta(microseconds=1), 1.0, "sale"),
            ("a", "1", "POST", EARLIER, 1.0, "fee"),
            ("a", "2", "tea", EARLIER, -1.0, "return"),
            ("a", "3", None, EARLIER, 1.0, "sale"),
            ("a", "4", "cup", CUT, 1.0, "sale"),
        ),
        CUT,
    )
    assert table.order_id.tolist() == ["1"]


@pytest.mark.parametrize("tables", [tables_from_frames({}), orders(("a", "1", None, EARLIER, 1.0, "sale"))])
def test_a_shop_without_products_has_no_rows_and_every_column(tables):
    table = purchases(tables, CUT)
    assert table.empty
    assert list(table.columns) == list(COLUMNS)
