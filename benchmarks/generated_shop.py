"""A large shop for benchmarks, drawn by DuckDB in seconds: the same size gives the same shop.

About 40 order lines per customer with a heavy tail, 3 lines per order over three years, 20,000 products whose popularity falls as
1 / rank, 40 categories of 10 parts each, discounts in one order of five, four channels, and 3 % of the orders are returns.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb

from features.home import Home, open_home

FIRST_DAY: Final = datetime(2022, 1, 1)
DAYS: Final = 1095
AS_OF: Final = FIRST_DAY + timedelta(days=DAYS)
PRODUCTS: Final = 20_000
_LINES_PER_CUSTOMER: Final = 36  # the last ones are cut off, so that the number of lines is the one asked for

# Every draw is a hash of who and what, between 0 and 1: the same whatever the number of threads.
# (A hash of two arguments mixes them badly: draws of one customer would depend on each other.)
_DRAW: Final = "CREATE MACRO draw(who, what) AS (hash((who * 16 + what)::BIGINT) >> 11) / 9007199254740992.0"

# Customers in the order of their ids, and each one's orders in the order of time, so that the rows lie as ingest leaves them.
_ORDERS: Final = """
COPY (
    WITH customers AS (
        SELECT
            range AS customer,
            greatest(1, least(400, exp(ln(7.2) + 1.1 * sqrt(-2 * ln(1 - draw(range, 1))) * cos(2 * pi() * draw(range, 2)))))::INT AS order_count,
            draw(range, 3) * {days} * 0.8 AS first_day
        FROM range({customers})
    ),
    placed AS (
        SELECT
            customer,
            unnest(range(order_count)) AS place,
            unnest(list_sort([
                ((first_day + draw(customer * 1000 + k, 4) * ({days} - first_day)) * 86400)::BIGINT FOR k IN range(order_count)
            ])) AS second
        FROM customers
    ),
    orders AS (SELECT *, customer * 1000 + place AS number FROM placed),
    lines AS (
        SELECT *, unnest(range(1 + floor(-ln(1 - draw(number, 5)) * 2.4)::BIGINT)) AS line FROM orders
    ),
    bought AS (
        SELECT *, number * 64 + line AS id, least({products} - 1, floor(exp(draw(number * 64 + line, 6) * ln({products})))::BIGINT) AS product FROM lines
    ),
    priced AS (
        SELECT
            *,
            1 + floor(-ln(1 - draw(id, 7)) * 1.5) AS pieces,
            round((5 + 95 * draw(product, 8)) * (0.9 + 0.2 * draw(id, 9)), 2) AS price,
            draw(number, 10) < 0.03 AS back,
            (['web', 'app', 'store', NULL])[1 + floor(draw(number, 11) * 4)::INT] AS channel
        FROM bought
    )
    SELECT
        'C' || lpad(customer::VARCHAR, 7, '0') AS customer_id,
        'O' || number AS order_id,
        'P' || lpad(product::VARCHAR, 5, '0') AS product_id,
        TIMESTAMP '{first_day}' + to_seconds(second) AS ordered_at,
        CASE WHEN back THEN -1.0 ELSE pieces END AS quantity,
        price AS unit_price,
        CASE WHEN NOT back AND draw(number, 12) < 0.2 THEN round(0.15 * pieces * price, 2) ELSE 0.0 END AS discount_amount,
        channel,
        CASE WHEN channel = 'store' THEN 'S' || floor(draw(number, 13) * 50)::INT END AS store_id,
        'EUR' AS currency,
        CASE WHEN back THEN 'return' ELSE 'sale' END AS line_kind,
        NULL::VARCHAR AS returned_order_id,
        NULL::BOOLEAN AS returned_order_derived,
        NULL::DOUBLE AS posted_line
    FROM priced
    LIMIT {lines}
) TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 4096, WRITE_BLOOM_FILTER false)
"""
_PRODUCTS: Final = """
COPY (
    SELECT
        'P' || lpad(range::VARCHAR, 5, '0') AS product_id,
        'Product ' || range AS name,
        'Category ' || (range % 40) || ' > Part ' || (range % 400) AS category,
        'Brand ' || (range % 100) AS brand,
        round(5 + 95 * draw(range, 8), 2) AS list_price,
        NULL::DOUBLE AS unit_cost,
        NULL::BOOLEAN AS available,
        NULL::TIMESTAMP AS available_from,
        NULL::VARCHAR AS image_url,
        NULL::VARCHAR AS attributes
    FROM range({products})
) TO '{path}' (FORMAT parquet)
"""


def make_home(folder: Path, lines: int, *, threads: int) -> Home:
    """A home with this many order lines, and products; one that was made before is taken as it is."""
    home = open_home(folder)
    home.tables.mkdir(exist_ok=True)
    if home.table("orders").exists():
        return home
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}; SET enable_progress_bar = false; {_DRAW}")
    connection.execute(_PRODUCTS.format(products=PRODUCTS, path=home.table("products")))
    unfinished = home.tables / "orders.part"
    size = {"lines": lines, "customers": lines // _LINES_PER_CUSTOMER + 10, "days": DAYS, "first_day": FIRST_DAY, "products": PRODUCTS}
    connection.execute(_ORDERS.format(path=unfinished, **size))
    unfinished.rename(home.table("orders"))
    return home


def month_starts(count: int) -> list[datetime]:
    """Ascending cut-offs a month (30 days) apart, the last one after the newest order."""
    return [AS_OF - timedelta(days=30 * back) for back in reversed(range(count))]
