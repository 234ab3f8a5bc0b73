"""The features, declared once, and executed by `features.batch` over all customers and by `features.online` for one.

To add a feature, add a line here. Columns of the sources:
lines: value, gross, discount, quantity, line, new_order, new_day, new_product, gap_days, gap_squared, weekend, evening,
  discounted, at, day, previous_day
returns: value, line, at
events: a count column and an instant column (`at_<group>`) for every group in EVENT_GROUPS, and survey_score
"""

from typing import Any, Final

from features.states import Feature, Source, State, States
from features.vocabulary import difference_days, ratio, root

WINDOWS: Final = (30, 90, 180, 365)
REPEAT_VIEW_DAYS: Final = 14

EVENT_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "touch": ("impression", "ad_click", "social_engaged", "content_viewed", "poll_answered", "page_view", "app_opened", "store_visit"),
    "product_view": ("product_view",),
    "interest": ("product_view", "search", "signed_up", "newsletter_subscribed"),
    "cart": ("add_to_cart",),
    "intent": ("add_to_cart", "checkout_started", "quote_requested"),
    "repeat_view": (),  # a product_view of a product that the customer viewed in the REPEAT_VIEW_DAYS before
    "email_open": ("email_opened",),
    "email_click": ("email_clicked",),
    "support": ("support_contact",),
    "referral": ("referral_sent",),
    "review": ("review",),
    "survey": ("survey_answered",),
    "unsubscribe": ("unsubscribed",),
}

lines, returns, events = Source("lines"), Source("returns"), Source("events")

orders, order_days, last_at, first_at = lines.sum("new_order"), lines.sum("new_day"), lines.max("at"), lines.min("at")
value, gross, quantity, line_count = lines.sum("value"), lines.sum("gross"), lines.sum("quantity"), lines.sum("line")
gaps, gaps_squared = lines.sum("gap_days"), lines.sum("gap_squared")
last_day, first_day, previous_day = lines.max("day"), lines.min("day"), lines.max("previous_day")


def _gap_mean(s: States) -> Any:
    return ratio(s[gaps], s[order_days] - 1.0)


def _gap_std(s: States) -> Any:
    mean = _gap_mean(s)
    return root(ratio(s[gaps_squared], s[order_days] - 1.0) - mean * mean)


def _gap_last(s: States) -> Any:
    return s[last_day] - s[previous_day]


def _overdue(s: States, as_of: Any) -> Any:
    return ratio(difference_days(as_of, s[last_at]), _gap_mean(s))


def _days_since(name: str, family: str, state: State, what: str) -> Feature:
    return Feature(name, family, "days", f"Days since {what}", lambda s, as_of: difference_days(as_of, s[state]))


def _read(name: str, family: str, unit: str, description: str, state: State) -> Feature:
    return Feature(name, family, unit, description, lambda s, _: s[state])


def _share(name: str, family: str, description: str, part: State, whole: State) -> Feature:
    return Feature(name, family, "share", description, lambda s, _: ratio(s[part], s[whole]))


def _recent_share(column: str, days: int, whole: State, what: str) -> Feature:
    name = "value" if column == "value" else "order_count"
    return _share(
        f"{name}_{days}d_share", "trend", f"Share of all {what} that fell in the last {days} days", lines.sum(column, days=days), whole
    )


RHYTHM: Final = (
    _days_since("days_since_last_order", "rhythm", last_at, "the last order"),
    _days_since("customer_age_days", "rhythm", first_at, "the first order"),
    Feature("recency_days", "rhythm", "days", "Days from the first to the last purchase day", lambda s, _: s[last_day] - s[first_day]),
    Feature("gap_mean_days", "rhythm", "days", "Mean days between purchase days", lambda s, _: _gap_mean(s)),
    Feature("gap_std_days", "rhythm", "days", "Spread of the days between purchase days", lambda s, _: _gap_std(s)),
    Feature("gap_last_days", "rhythm", "days", "Days between the last two purchase days", lambda s, _: _gap_last(s)),
    Feature("gap_trend", "rhythm", "ratio", "Last gap against the mean gap", lambda s, _: ratio(_gap_last(s), _gap_mean(s))),
    Feature("overdue_ratio", "rhythm", "ratio", "Days since the last order against the mean gap", _overdue),
    Feature(
        "recency_share",
        "rhythm",
        "share",
        "Days since the last order against days since the first",
        lambda s, t: ratio(difference_days(t, s[last_at]), difference_days(t, s[first_at])),
    ),
)
FREQUENCY: Final = (
    _read("order_count", "frequency", "orders", "Orders so far", orders),
    _read("order_day_count", "frequency", "days", "Days with an order so far", order_days),
    Feature("repeat_day_count", "frequency", "days", "Purchase days after the first", lambda s, _: s[order_days] - 1.0),
    Feature(
        "orders_per_30_days",
        "frequency",
        "orders",
        "Orders per 30 days since the first order",
        lambda s, t: ratio(30.0 * s[orders], difference_days(t, s[first_at])),
    ),
    *(_read(f"order_count_{d}d", "frequency", "orders", f"Orders in the last {d} days", lines.sum("new_order", days=d)) for d in WINDOWS),
    *(_recent_share("new_order", d, orders, "orders") for d in (30, 90)),
)
MONEY: Final = (
    _read("value_total", "value", "money", "Spent so far, net of discounts", value),
    Feature("value_per_order_mean", "value", "money", "Mean value of an order", lambda s, _: ratio(s[value], s[orders])),
    *(_read(f"value_{d}d", "value", "money", f"Spent in the last {d} days", lines.sum("value", days=d)) for d in WINDOWS),
    *(_recent_share("value", d, value, "spending") for d in (30, 90)),
    _read("line_value_max", "value", "money", "Largest order line so far", lines.max("value")),
)
BASKET: Final = (
    _read("product_count", "basket", "products", "Different products so far", lines.sum("new_product")),
    _share("new_product_share", "basket", "Share of lines with a product bought for the first time", lines.sum("new_product"), line_count),
    _share(
        "new_product_90d_share", "basket", "The same in the last 90 days", lines.sum("new_product", days=90), lines.sum("line", days=90)
    ),
    Feature("lines_per_order_mean", "basket", "lines", "Mean lines of an order", lambda s, _: ratio(s[line_count], s[orders])),
    Feature("quantity_per_line_mean", "basket", "pieces", "Mean pieces of a line", lambda s, _: ratio(s[quantity], s[line_count])),
    Feature("price_paid_mean", "price", "money", "Mean price of a piece", lambda s, _: ratio(s[value], s[quantity])),
    _share("discount_share", "price", "Discounts against undiscounted value", lines.sum("discount"), gross),
    _share("discounted_line_share", "price", "Share of lines with a discount", lines.sum("discounted"), line_count),
    _share("weekend_share", "calendar", "Share of orders on Saturday or Sunday", lines.sum("weekend"), orders),
    _share("evening_share", "calendar", "Share of orders from 18 to 24 o'clock UTC", lines.sum("evening"), orders),
)
RETURNS: Final = (
    _read("return_count", "returns", "lines", "Returned lines so far", returns.sum("line")),
    _share("return_value_share", "returns", "Value returned against value bought", returns.sum("value"), value),
    _days_since("days_since_return", "returns", returns.max("at"), "the last return"),
)
ENGAGEMENT: Final = (
    _days_since("days_since_touch", "engagement", events.max("at_touch"), "the last contact with the brand (page, ad, social, app, store)"),
    _days_since("days_since_interest", "engagement", events.max("at_interest"), "the last product view, search or sign-up"),
    _days_since("days_since_product_view", "engagement", events.max("at_product_view"), "the last product view"),
    _days_since("days_since_cart", "engagement", events.max("at_cart"), "something was last put into the cart"),
    _days_since("days_since_intent", "engagement", events.max("at_intent"), "the last cart, checkout or quote"),
    _days_since("days_since_repeat_view", "engagement", events.max("at_repeat_view"), "a product was viewed again within two weeks"),
    _read("touch_count_30d", "engagement", "events", "Contacts with the brand in the last 30 days", events.sum("touch", days=30)),
    _read("product_view_count_30d", "engagement", "events", "Product views in the last 30 days", events.sum("product_view", days=30)),
    _read("cart_count_14d", "engagement", "events", "Products put into the cart in the last 14 days", events.sum("cart", days=14)),
    _read("email_open_count_90d", "engagement", "events", "E-mails opened in the last 90 days", events.sum("email_open", days=90)),
    _read("email_click_count_90d", "engagement", "events", "E-mails clicked in the last 90 days", events.sum("email_click", days=90)),
    _read("support_count_90d", "engagement", "events", "Support contacts in the last 90 days", events.sum("support", days=90)),
    _read("referral_count", "engagement", "events", "Referrals sent so far", events.sum("referral")),
    _read("review_count", "engagement", "events", "Reviews written so far", events.sum("review")),
    _read("last_survey_score", "engagement", "score", "The last survey's answer, 0 to 10", events.last("survey_score")),
    _days_since("days_since_survey", "engagement", events.max("at_survey"), "the last survey answer"),
    _days_since("days_since_unsubscribe", "engagement", events.max("at_unsubscribe"), "the customer unsubscribed"),
)

FEATURES: Final[tuple[Feature, ...]] = (*RHYTHM, *FREQUENCY, *MONEY, *BASKET, *RETURNS, *ENGAGEMENT)
NAMES: Final[tuple[str, ...]] = tuple(f.name for f in FEATURES)
