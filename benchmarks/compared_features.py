"""The features that our executor, the SQL by hand and the pandas code all compute, in one order of columns."""

from typing import Final

from features.definitions import FEATURES
from features.states import Feature

NAMES: Final = (
    # rhythm
    "days_since_last_order",
    "customer_age_days",
    "recency_days",
    "gap_mean_days",
    "gap_std_days",
    "gap_last_days",
    "gap_max_days",
    "gap_trend",
    "overdue_ratio",
    "rhythm_position",
    "days_until_due",
    # frequency and trend
    "order_count",
    "order_day_count",
    "orders_per_30_days",
    "order_count_7d",
    "order_count_30d",
    "order_count_90d",
    "order_count_180d",
    "order_count_365d",
    "order_count_90d_share",
    "value_90d_share",
    "order_count_90_in_180d_share",
    # value
    "value_total",
    "value_per_order_mean",
    "value_per_order_std",
    "value_7d",
    "value_30d",
    "value_90d",
    "value_180d",
    "value_365d",
    "order_value_max",
    "line_value_max",
    "last_order_value",
    # basket
    "product_count",
    "new_product_share",
    "new_product_90d_share",
    "lines_per_product_mean",
    "lines_per_order_mean",
    "last_order_lines",
    "quantity_per_line_mean",
    # category
    "category_count",
    "category_entropy",
    "favourite_category_share",
    "days_since_favourite_category",
    # price
    "price_paid_mean",
    "price_level_mean",
    "premium_share",
    "discount_share",
    "discount_90d_share",
    "discounted_order_share",
    # goods returned
    "return_count",
    "return_count_365d",
    "return_value_share",
    "days_since_return",
    # calendar
    "weekend_share",
    "evening_share",
    "hour_cos_mean",
    "season_distance",
    # channel
    "channel_count",
    "web_order_share",
    "app_order_share",
    "store_order_share",
)


def compared() -> tuple[Feature, ...]:
    """These features' declarations."""
    declared = {feature.name: feature for feature in FEATURES}
    return tuple(declared[name] for name in NAMES)
