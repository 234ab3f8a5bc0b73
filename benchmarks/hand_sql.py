"""The same features in DuckDB's SQL, written and tuned by hand for one cut-off: what the executor is measured against.

Lines are summed up to orders once, with one window over the orders for the gap before each; (customer, product) pairs are made once, and
give the products, the categories and the price levels, because a join of pairs costs less than one of lines.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from benchmarks.compared_features import NAMES
from features.instants import DAY_US, microseconds
from features.vocabulary import YEAR_US

_QUERY: Final = """
WITH lines AS NOT MATERIALIZED (
    SELECT
        customer_id, order_id, product_id, channel, store_id, line_kind, epoch_us(ordered_at) AS ts,
        coalesce(quantity, 1) AS quantity, coalesce(quantity, 1) * coalesce(unit_price, 0) AS gross, coalesce(discount_amount, 0) AS discount
    FROM read_parquet('{orders}')
    WHERE ordered_at < make_timestamp({cut})
),
placed AS (
    SELECT
        customer_id, order_id, ts, ts // {day} AS day, sum(gross - discount) AS value, sum(gross) AS gross, sum(discount) AS discount,
        sum(quantity) AS quantity, count(*) AS line_count, max(gross - discount) AS line_value_max, max(discount) > 0 AS discounted,
        max(channel) AS channel, max(store_id) AS store_id
    FROM lines WHERE line_kind = 'sale'
    GROUP BY customer_id, order_id, ts
),
ranked AS (
    SELECT
        * EXCLUDE (channel, store_id),
        lag(day) OVER above AS day_before,
        lead(day) OVER above IS NULL AS is_last,
        coalesce(lower(channel), CASE WHEN store_id IS NOT NULL THEN 'store' END) AS channel
    FROM placed
    WINDOW above AS (PARTITION BY customer_id ORDER BY ts, order_id)
),
bought AS (
    SELECT
        customer_id,
        max(ts) AS last_at, min(ts) AS first_at, max(day) AS last_day, min(day) AS first_day,
        count(*)::DOUBLE AS orders,
        sum(CASE WHEN day_before IS DISTINCT FROM day THEN 1.0 ELSE 0.0 END) AS days,
        max(CASE WHEN day_before <> day THEN day_before END) AS previous_day,
        sum(((day - day_before) * (day - day_before))::DOUBLE) AS gap_squared,
        max(CASE WHEN day_before <> day THEN day - day_before END)::DOUBLE AS gap_max,
        {windows},
        sum(value) AS value, sum(gross) AS gross, sum(discount) AS discount, sum(quantity) AS quantity, sum(line_count)::DOUBLE AS lines,
        sum(value * value) AS value_squared, max(value) AS value_max, max(line_value_max) AS line_value_max,
        max(CASE WHEN is_last THEN value END) AS last_value, max(CASE WHEN is_last THEN line_count END)::DOUBLE AS last_lines,
        sum(discounted::INT)::DOUBLE AS discounted,
        sum(CASE WHEN ts >= {cut} - 90 * {day} THEN gross ELSE 0 END) AS gross_90,
        sum(CASE WHEN ts >= {cut} - 90 * {day} THEN discount ELSE 0 END) AS discount_90,
        sum(CASE WHEN ts >= {cut} - 90 * {day} THEN line_count ELSE 0 END)::DOUBLE AS lines_90,
        sum(((day + 3) % 7 >= 5)::INT)::DOUBLE AS weekend,
        sum((ts - day * {day} >= 18 * {day} // 24)::INT)::DOUBLE AS evening,
        sum(cos((ts - day * {day}) * {hour_angle})) AS hour_cos, sum(cos(ts * {season_angle})) AS year_cos, sum(sin(ts * {season_angle})) AS year_sin,
        sum((channel = 'web')::INT)::DOUBLE AS web, sum((channel = 'app')::INT)::DOUBLE AS app, sum((channel = 'store')::INT)::DOUBLE AS store,
        count(channel)::DOUBLE AS channel_known
    FROM ranked GROUP BY customer_id
),
channels AS (
    SELECT customer_id, count(*)::DOUBLE AS channels
    FROM (SELECT DISTINCT customer_id, channel FROM placed WHERE channel IS NOT NULL) GROUP BY customer_id
),
facts AS (
    SELECT
        product_id, trim(split_part(category, '>', 1)) AS category,
        CASE WHEN list_price IS NOT NULL AND count(list_price) OVER (PARTITION BY category_of) > 1
            THEN percent_rank() OVER (PARTITION BY category_of, list_price IS NULL ORDER BY list_price) END AS level
    FROM (SELECT *, trim(split_part(category, '>', 1)) AS category_of FROM read_parquet('{products}'))
),
pairs AS (
    SELECT customer_id, product_id, count(*) AS n, min(ts) AS first_at, max(ts) AS last_at
    FROM lines WHERE line_kind = 'sale' AND product_id IS NOT NULL GROUP BY customer_id, product_id
),
cells AS (
    SELECT
        customer_id, category, sum(n)::BIGINT AS n, max(last_at) AS last_at, count(*) AS products,
        sum((first_at >= {cut} - 90 * {day})::INT) AS new_90,
        sum(n * coalesce(level, 0)) AS level, sum(CASE WHEN level IS NOT NULL THEN n ELSE 0 END) AS priced,
        sum(CASE WHEN level >= 2.0::DOUBLE / 3 THEN n ELSE 0 END) AS premium
    FROM pairs LEFT JOIN facts USING (product_id) GROUP BY customer_id, category
),
liked AS (
    SELECT
        customer_id, sum(products)::DOUBLE AS products, sum(new_90)::DOUBLE AS new_90, sum(level) AS level,
        sum(priced)::DOUBLE AS priced, sum(premium)::DOUBLE AS premium,
        count(category)::DOUBLE AS categories, sum(CASE WHEN category IS NOT NULL THEN n ELSE 0 END)::DOUBLE AS category_lines,
        sum(CASE WHEN category IS NOT NULL THEN n * ln(n) ELSE 0 END) AS n_log_n,
        max(CASE WHEN category IS NOT NULL THEN n END)::DOUBLE AS favourite_lines,
        max(CASE WHEN category IS NOT NULL THEN n * 4294967296 + last_at // 1000000 END) AS favourite
    FROM cells GROUP BY customer_id
),
returned AS (
    SELECT
        customer_id, count(*)::DOUBLE AS lines, sum(CASE WHEN ts >= {cut} - 365 * {day} THEN 1.0 ELSE 0.0 END) AS lines_365,
        sum(abs(gross)) AS value, max(ts) AS last_at
    FROM lines WHERE line_kind = 'return' GROUP BY customer_id
),
everybody AS (SELECT customer_id FROM bought UNION SELECT customer_id FROM returned),
joined AS (
    SELECT
        e.customer_id, b.* EXCLUDE (customer_id, orders, days, lines, value, {window_names}),
        coalesce(b.orders, 0) AS orders, coalesce(b.days, 0) AS days, coalesce(b.lines, 0) AS lines, coalesce(b.value, 0) AS value,
        {filled_windows},
        ({cut} - b.last_at) / {day}::DOUBLE AS idle, ({cut} - b.first_at) / {day}::DOUBLE AS age,
        (b.last_day - b.first_day)::DOUBLE / nullif(b.days - 1, 0) AS gap_mean,
        b.gap_squared / nullif(b.days - 1, 0) - gap_mean * gap_mean AS gap_variance,
        b.value_squared / nullif(b.orders, 0) - (b.value / nullif(b.orders, 0)) * (b.value / nullif(b.orders, 0)) AS value_variance,
        (b.last_day - b.previous_day)::DOUBLE AS gap_last,
        l.* EXCLUDE (customer_id, products, categories), coalesce(l.products, 0) AS products, coalesce(l.categories, 0) AS categories,
        coalesce(c.channels, 0) AS channels,
        coalesce(r.lines, 0) AS returned, coalesce(r.lines_365, 0) AS returned_365, coalesce(r.value, 0) AS returned_value, r.last_at AS returned_at
    FROM everybody e LEFT JOIN bought b USING (customer_id) LEFT JOIN liked l USING (customer_id)
        LEFT JOIN channels c USING (customer_id) LEFT JOIN returned r USING (customer_id)
)
SELECT customer_id, {cut}::BIGINT AS cut_us,
    {features}
FROM joined
"""

_WINDOWS: Final = (7, 30, 90, 180, 365)
_GAP_STD: Final = "CASE WHEN gap_variance > 0 THEN sqrt(gap_variance) WHEN gap_variance <= 0 THEN 0 END"  # greatest() passes over NULL
_SEASON: Final = "year_cos * cos({cut} * {season_angle}) + year_sin * sin({cut} * {season_angle})"
_FEATURES: Final = {
    "days_since_last_order": "idle",
    "customer_age_days": "age",
    "recency_days": "(last_day - first_day)::DOUBLE",
    "gap_mean_days": "gap_mean",
    "gap_std_days": _GAP_STD,
    "gap_last_days": "gap_last",
    "gap_max_days": "gap_max",
    "gap_trend": "gap_last / nullif(gap_mean, 0)",
    "overdue_ratio": "idle / nullif(gap_mean, 0)",
    "rhythm_position": "(idle - gap_mean) / nullif(" + _GAP_STD + ", 0)",
    "days_until_due": "gap_mean - idle",
    "order_count": "orders",
    "order_day_count": "days",
    "orders_per_30_days": "30 * orders / nullif(age, 0)",
    **{f"order_count_{days}d": f"orders_{days}" for days in _WINDOWS},
    "order_count_90d_share": "orders_90 / nullif(orders, 0)",
    "value_90d_share": "value_90 / nullif(value, 0)",
    "order_count_90_in_180d_share": "orders_90 / nullif(orders_180, 0)",
    "value_total": "value",
    "value_per_order_mean": "value / nullif(orders, 0)",
    "value_per_order_std": "CASE WHEN value_variance > 0 THEN sqrt(value_variance) WHEN value_variance <= 0 THEN 0 END",
    **{f"value_{days}d": f"value_{days}" for days in _WINDOWS},
    "order_value_max": "value_max",
    "line_value_max": "line_value_max",
    "last_order_value": "last_value",
    "product_count": "products",
    "new_product_share": "products / nullif(lines, 0)",
    "new_product_90d_share": "new_90 / nullif(lines_90, 0)",
    "lines_per_product_mean": "lines / nullif(products, 0)",
    "lines_per_order_mean": "lines / nullif(orders, 0)",
    "last_order_lines": "last_lines",
    "quantity_per_line_mean": "quantity / nullif(lines, 0)",
    "category_count": "categories",
    "category_entropy": "ln(nullif(category_lines, 0)) - n_log_n / nullif(category_lines, 0)",
    "favourite_category_share": "favourite_lines / nullif(category_lines, 0)",
    "days_since_favourite_category": "({cut} * 1e-6::DOUBLE - (favourite - favourite_lines * 4294967296)) / 86400",
    "price_paid_mean": "value / nullif(quantity, 0)",
    "price_level_mean": "level / nullif(priced, 0)",
    "premium_share": "premium / nullif(priced, 0)",
    "discount_share": "discount / nullif(gross, 0)",
    "discount_90d_share": "discount_90 / nullif(gross_90, 0)",
    "discounted_order_share": "discounted / nullif(orders, 0)",
    "return_count": "returned",
    "return_count_365d": "returned_365",
    "return_value_share": "returned_value / nullif(value, 0)",
    "days_since_return": "({cut} - returned_at) / {day}::DOUBLE",
    "weekend_share": "weekend / nullif(orders, 0)",
    "evening_share": "evening / nullif(orders, 0)",
    "hour_cos_mean": "hour_cos / nullif(orders, 0)",
    "season_distance": f"1 - ({_SEASON}) / nullif(sqrt(year_cos * year_cos + year_sin * year_sin), 0)",
    "channel_count": "channels",
    "web_order_share": "web / nullif(channel_known, 0)",
    "app_order_share": "app / nullif(channel_known, 0)",
    "store_order_share": "store / nullif(channel_known, 0)",
}


def query(orders: Path, products: Path, as_of: datetime) -> str:
    """One row per customer with an order line before `as_of`: customer_id, cut_us, and every name of `compared_features`."""
    terms = {
        "cut": str(microseconds(as_of)),
        "day": str(DAY_US),
        "hour_angle": f"(2 * pi() / {DAY_US})",
        "season_angle": f"(2 * pi() / {YEAR_US}::DOUBLE)",
    }
    seen = "sum(CASE WHEN ts >= {cut} - {days} * {day} THEN {what} ELSE 0.0::DOUBLE END) AS {name}_{days}"
    kinds = (("1.0::DOUBLE", "orders"), ("value", "value"))
    windows = [seen.format(days=days, what=what, name=name, **terms) for days in _WINDOWS for what, name in kinds]
    names = [f"{name}_{days}" for days in _WINDOWS for _, name in kinds]
    return _QUERY.format(
        orders=orders,
        products=products,
        windows=",\n        ".join(windows),
        window_names=", ".join(names),
        filled_windows=", ".join(f"coalesce(b.{name}, 0) AS {name}" for name in names),
        features=",\n    ".join(f"({_FEATURES[name].format(**terms)})::DOUBLE AS {name}" for name in NAMES),
        **terms,
    )
