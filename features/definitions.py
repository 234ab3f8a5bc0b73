"""The features, declared once, and executed by `features.batch` over all customers and by `features.online` for one.

To add a feature, add a line here. The sources and their columns (every source has `at`, in microseconds):

orders: one row per order (the sale lines with one order_id at one instant): order, value, gross, discount, quantity, lines, discounted_lines,
  discounted (1 if any line is), line_value_max, value_squared, new_day, gap_days, gap_squared, pause_days, day, previous_day, weekend, morning, evening,
  hour_cos, hour_sin, year_cos, year_sin, web, app, store, channel_known
firsts: one row per product, channel or store that a customer bought, or ordered by, for the first time: product, channel, store
categories: one row per category bought (products without one together): category, lines, lines_log_lines, favourite (see FAVOURITE_LINES),
  and of the lines with a price level: priced_lines, price_level, premium_lines, budget_lines
returns: one row per returned line: value, lines
events: one row per event: a count column and an instant column (`at_<group>`) for every group in EVENT_GROUPS, and survey_score
carts: one row per cart that was left: product put into the cart, no order in the day after: abandoned
contacts: one row per contact (an action of ours other than none) and per answer to one: a count column and an instant column (`at_<kind>`)
  for every kind in CONTACT_KINDS
"""

from typing import Any, Final

from features.contract import CONTACT
from features.states import Feature, Source, State, States
from features.vocabulary import at_least, beyond_rounding, cosine, difference_days, logarithm, ratio, root, sine, year_angle

WINDOWS: Final = (7, 14, 30, 60, 90, 180, 365)
REPEAT_VIEW_DAYS: Final = 14
CART_LEFT_AFTER_DAYS: Final = 1
PREMIUM_LEVEL: Final = 2 / 3  # of the prices of a product's category, from 0 (cheapest) to 1
BUDGET_LEVEL: Final = 1 / 3
FAVOURITE_LINES: Final = (
    2.0**32
)  # categories.favourite is lines * this + the last purchase in seconds: the newest of the greatest categories

EVENT_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "touch": ("impression", "ad_click", "social_engaged", "content_viewed", "poll_answered", "page_view", "app_opened", "store_visit"),
    "content": ("content_viewed", "poll_answered", "social_engaged"),
    "product_view": ("product_view",),
    "search": ("search",),
    "interest": ("product_view", "search", "signed_up", "newsletter_subscribed"),
    "cart": ("add_to_cart",),
    "intent": ("add_to_cart", "checkout_started", "quote_requested"),
    "repeat_view": (),  # a product_view of a product that the customer viewed in the REPEAT_VIEW_DAYS before
    "email_sent": ("email_sent",),
    "email_open": ("email_opened",),
    "email_click": ("email_clicked",),
    "support": ("support_contact", "chat_started"),
    "referral": ("referral_sent",),
    "review": ("review",),
    "survey": ("survey_answered",),
    "unsubscribe": ("unsubscribed",),
}
CONTACT_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "contact": (CONTACT,),
    "answer": ("accepted", "converted"),
    "rejection": ("rejected", "unsubscribed"),
}

orders, firsts, categories, returns = Source("orders"), Source("firsts"), Source("categories"), Source("returns")
events, carts, contacts = Source("events"), Source("carts"), Source("contacts")

order_count, order_days, last_at, first_at = orders.sum("order"), orders.sum("new_day"), orders.max("at"), orders.min("at")
value, gross, quantity, line_count = orders.sum("value"), orders.sum("gross"), orders.sum("quantity"), orders.sum("lines")
gaps, gaps_squared = orders.sum("gap_days"), orders.sum("gap_squared")
last_day, first_day, previous_day = orders.max("day"), orders.min("day"), orders.max("previous_day")
category_lines = categories.sum("lines")


def _repeat_days(s: States) -> Any:
    return at_least(s[order_days] - 1.0, 0.0)


def _gap_mean(s: States) -> Any:
    return ratio(s[gaps], _repeat_days(s))


def _gap_std(s: States) -> Any:
    mean = _gap_mean(s)
    return root(ratio(s[gaps_squared], _repeat_days(s)) - mean * mean)


def _gap_last(s: States) -> Any:
    return s[last_day] - s[previous_day]


def _idle(s: States, as_of: Any) -> Any:
    return difference_days(as_of, s[last_at])


def _order_value_std(s: States) -> Any:
    mean, square = ratio(s[value], s[order_count]), ratio(s[orders.sum("value_squared")], s[order_count])
    return root(beyond_rounding(square - mean * mean, square))


def _entropy(s: States) -> Any:
    return logarithm(s[category_lines]) - ratio(s[categories.sum("lines_log_lines")], s[category_lines])


def _favourite_idle(s: States, as_of: Any) -> Any:
    last_second = s[categories.max("favourite")] - s[categories.max("lines")] * FAVOURITE_LINES
    return (as_of * 1e-6 - last_second) / 86_400.0


def _season_distance(s: States, as_of: Any) -> Any:
    """1 - the cosine between now and the customer's usual time of the year: 0 in season, 2 half a year from it."""
    x, y, now = s[orders.sum("year_cos")], s[orders.sum("year_sin")], year_angle(as_of)
    return 1.0 - ratio(x * cosine(now) + y * sine(now), root(x * x + y * y))


def _unanswered(s: States) -> Any:
    return at_least(s[contacts.sum("contact", days=30)] - s[contacts.sum("answer", days=30)], 0.0)


def _days_since(name: str, family: str, state: State, what: str) -> Feature:
    return Feature(name, family, "days", f"Days since {what}", lambda s, as_of: difference_days(as_of, s[state]))


def _read(name: str, family: str, unit: str, description: str, state: State) -> Feature:
    return Feature(name, family, unit, description, lambda s, _: s[state])


def _ratio(name: str, family: str, unit: str, description: str, part: State, whole: State) -> Feature:
    return Feature(name, family, unit, description, lambda s, _: ratio(s[part], s[whole]))


def _share(name: str, family: str, description: str, part: State, whole: State) -> Feature:
    return _ratio(name, family, "share", description, part, whole)


def _count(name: str, source: Source, column: str, days: int, unit: str, what: str) -> Feature:
    return _read(f"{name}_{days}d", source.name, unit, f"{what} in the last {days} days", source.sum(column, days=days))


def _recent_share(name: str, column: str, days: int, what: str) -> Feature:
    recent, whole = orders.sum(column, days=days), orders.sum(column)
    return _share(f"{name}_{days}d_share", "trend", f"Share of all {what} that fell in the last {days} days", recent, whole)


RHYTHM: Final = (
    _days_since("days_since_last_order", "rhythm", last_at, "the last order"),
    _days_since("customer_age_days", "rhythm", first_at, "the first order"),
    Feature("recency_days", "rhythm", "days", "Days from the first to the last purchase day", lambda s, _: s[last_day] - s[first_day]),
    Feature("gap_mean_days", "rhythm", "days", "Mean days between purchase days", lambda s, _: _gap_mean(s)),
    Feature("gap_std_days", "rhythm", "days", "Spread of the days between purchase days", lambda s, _: _gap_std(s)),
    Feature("gap_last_days", "rhythm", "days", "Days between the last two purchase days", lambda s, _: _gap_last(s)),
    _read("gap_max_days", "rhythm", "days", "Longest pause between purchase days", orders.max("pause_days")),
    Feature("gap_trend", "rhythm", "ratio", "Last gap against the mean gap", lambda s, _: ratio(_gap_last(s), _gap_mean(s))),
    Feature("gap_irregularity", "rhythm", "ratio", "Spread of the gaps against their mean", lambda s, _: ratio(_gap_std(s), _gap_mean(s))),
    Feature(
        "overdue_ratio", "rhythm", "ratio", "Days since the last order against the mean gap", lambda s, t: ratio(_idle(s, t), _gap_mean(s))
    ),
    Feature(
        "rhythm_position",
        "rhythm",
        "deviations",
        "Days since the last order beyond the mean gap, in spreads of the gaps",
        lambda s, t: ratio(_idle(s, t) - _gap_mean(s), _gap_std(s)),
    ),
    Feature(
        "days_until_due",
        "rhythm",
        "days",
        "Days until the mean gap is over; negative when overdue",
        lambda s, t: _gap_mean(s) - _idle(s, t),
    ),
    Feature(
        "recency_share",
        "rhythm",
        "share",
        "Days since the last order against days since the first",
        lambda s, t: ratio(_idle(s, t), difference_days(t, s[first_at])),
    ),
)
FREQUENCY: Final = (
    _read("order_count", "frequency", "orders", "Orders so far", order_count),
    _read("order_day_count", "frequency", "days", "Days with an order so far", order_days),
    Feature("repeat_day_count", "frequency", "days", "Purchase days after the first", lambda s, _: _repeat_days(s)),
    Feature(
        "orders_per_30_days",
        "frequency",
        "orders",
        "Orders per 30 days since the first order",
        lambda s, t: ratio(30.0 * s[order_count], difference_days(t, s[first_at])),
    ),
    *(_read(f"order_count_{d}d", "frequency", "orders", f"Orders in the last {d} days", orders.sum("order", days=d)) for d in WINDOWS),
    *(_recent_share("order_count", "order", d, "orders") for d in (30, 90)),
    _share(
        "order_count_90_in_180d_share",
        "trend",
        "Share of the last 180 days' orders that fell in the last 90",
        orders.sum("order", days=90),
        orders.sum("order", days=180),
    ),
)
MONEY: Final = (
    _read("value_total", "value", "money", "Spent so far, net of discounts", value),
    _ratio("value_per_order_mean", "value", "money", "Mean value of an order", value, order_count),
    Feature("value_per_order_std", "value", "money", "Spread of the value of orders", lambda s, _: _order_value_std(s)),
    *(_read(f"value_{d}d", "value", "money", f"Spent in the last {d} days", orders.sum("value", days=d)) for d in WINDOWS),
    *(_recent_share("value", "value", d, "spending") for d in (30, 90)),
    _read("order_value_max", "value", "money", "Largest order so far", orders.max("value")),
    _read("line_value_max", "value", "money", "Largest order line so far", orders.max("line_value_max")),
    _read("last_order_value", "value", "money", "Value of the last order", orders.last("value")),
    Feature(
        "last_order_value_ratio",
        "value",
        "ratio",
        "Value of the last order against the mean order",
        lambda s, _: ratio(s[orders.last("value")], ratio(s[value], s[order_count])),
    ),
)
BASKET: Final = (
    _read("product_count", "basket", "products", "Different products so far", firsts.sum("product")),
    _share("new_product_share", "basket", "Share of lines with a product bought for the first time", firsts.sum("product"), line_count),
    _share("new_product_90d_share", "basket", "The same in the last 90 days", firsts.sum("product", days=90), orders.sum("lines", days=90)),
    _ratio("lines_per_product_mean", "basket", "lines", "How often a product is bought, on average", line_count, firsts.sum("product")),
    _ratio("lines_per_order_mean", "basket", "lines", "Mean lines of an order", line_count, order_count),
    _ratio(
        "lines_per_order_90d_mean",
        "basket",
        "lines",
        "The same in the last 90 days",
        orders.sum("lines", days=90),
        orders.sum("order", days=90),
    ),
    _read("last_order_lines", "basket", "lines", "Lines of the last order", orders.last("lines")),
    _ratio("quantity_per_line_mean", "basket", "pieces", "Mean pieces of a line", quantity, line_count),
    _ratio("quantity_per_order_mean", "basket", "pieces", "Mean pieces of an order", quantity, order_count),
)
CATEGORY: Final = (
    _read("category_count", "category", "categories", "Different categories so far", categories.sum("category")),
    Feature("category_entropy", "category", "nats", "Variety of categories: entropy of the lines' categories", lambda s, _: _entropy(s)),
    _share("favourite_category_share", "category", "Share of lines in the favourite category", categories.max("lines"), category_lines),
    Feature("days_since_favourite_category", "category", "days", "Days since the last order in the favourite category", _favourite_idle),
)
PRICE: Final = (
    _ratio("price_paid_mean", "price", "money", "Mean price of a piece", value, quantity),
    _ratio(
        "price_level_mean",
        "price",
        "share",
        "Where the products bought stand among the list prices of their category, from 0 (cheapest) to 1",
        categories.sum("price_level"),
        categories.sum("priced_lines"),
    ),
    _share(
        "premium_share",
        "price",
        "Share of lines in the upper third of their category's prices",
        categories.sum("premium_lines"),
        categories.sum("priced_lines"),
    ),
    _share(
        "budget_share",
        "price",
        "Share of lines in the lower third of their category's prices",
        categories.sum("budget_lines"),
        categories.sum("priced_lines"),
    ),
    _share("discount_share", "price", "Discounts against undiscounted value", orders.sum("discount"), gross),
    _share("discount_90d_share", "price", "The same in the last 90 days", orders.sum("discount", days=90), orders.sum("gross", days=90)),
    _share("discounted_line_share", "price", "Share of lines with a discount", orders.sum("discounted_lines"), line_count),
    _share(
        "discounted_order_share", "price", "Discount dependence: share of orders with a discount", orders.sum("discounted"), order_count
    ),
)
RETURNS: Final = (
    _read("return_count", "returns", "lines", "Returned lines so far", returns.sum("lines")),
    _count("return_count", returns, "lines", 365, "lines", "Returned lines"),
    _share("return_value_share", "returns", "Value returned against value bought", returns.sum("value"), value),
    _days_since("days_since_return", "returns", returns.max("at"), "the last return"),
)
CALENDAR: Final = (
    _share("weekend_share", "calendar", "Share of orders on Saturday or Sunday", orders.sum("weekend"), order_count),
    _share("morning_share", "calendar", "Share of orders from 5 to 12 o'clock", orders.sum("morning"), order_count),
    _share("evening_share", "calendar", "Share of orders from 18 to 24 o'clock", orders.sum("evening"), order_count),
    _ratio(
        "hour_cos_mean", "calendar", "cosine", "Usual hour on the clock of a day: midnight 1, noon -1", orders.sum("hour_cos"), order_count
    ),
    _ratio(
        "hour_sin_mean",
        "calendar",
        "sine",
        "Usual hour on the clock of a day: 6 o'clock 1, 18 o'clock -1",
        orders.sum("hour_sin"),
        order_count,
    ),
    Feature(
        "season_distance",
        "calendar",
        "1 - cosine",
        "Distance of now from the customer's usual time of the year, from 0 to 2 (half a year)",
        _season_distance,
    ),
)
CHANNEL: Final = (
    _read("channel_count", "channel", "channels", "Different order channels so far", firsts.sum("channel")),
    _read("store_count", "channel", "stores", "Different stores so far", firsts.sum("store")),
    *(
        _share(f"{name}_order_share", "channel", f"Share of orders by {what}", orders.sum(name), orders.sum("channel_known"))
        for name, what in (("web", "web"), ("app", "app"), ("store", "store"))
    ),
)
ENGAGEMENT: Final = (
    _days_since("days_since_touch", "engagement", events.max("at_touch"), "the last contact with the brand (page, ad, social, app, store)"),
    _days_since("days_since_interest", "engagement", events.max("at_interest"), "the last product view, search or sign-up"),
    _days_since("days_since_product_view", "engagement", events.max("at_product_view"), "the last product view"),
    _days_since("days_since_cart", "engagement", events.max("at_cart"), "something was last put into the cart"),
    _days_since("days_since_intent", "engagement", events.max("at_intent"), "the last cart, checkout or quote"),
    _days_since("days_since_repeat_view", "engagement", events.max("at_repeat_view"), "a product was viewed again within two weeks"),
    _days_since("days_since_abandoned_cart", "engagement", carts.max("at"), "something was put into the cart and not bought within a day"),
    _read("touch_count_30d", "engagement", "events", "Contacts with the brand in the last 30 days", events.sum("touch", days=30)),
    _read(
        "content_count_90d", "engagement", "events", "Content, polls and social posts in the last 90 days", events.sum("content", days=90)
    ),
    _read("product_view_count_7d", "engagement", "events", "Product views in the last 7 days", events.sum("product_view", days=7)),
    _read("product_view_count_30d", "engagement", "events", "Product views in the last 30 days", events.sum("product_view", days=30)),
    _read("search_count_30d", "engagement", "events", "Searches in the last 30 days", events.sum("search", days=30)),
    _read("cart_count_14d", "engagement", "events", "Products put into the cart in the last 14 days", events.sum("cart", days=14)),
    _read("abandoned_cart_count_30d", "engagement", "carts", "Abandoned carts in the last 30 days", carts.sum("abandoned", days=30)),
    _read("email_open_count_90d", "engagement", "events", "E-mails opened in the last 90 days", events.sum("email_open", days=90)),
    _read("email_click_count_90d", "engagement", "events", "E-mails clicked in the last 90 days", events.sum("email_click", days=90)),
    _ratio(
        "email_open_90d_ratio",
        "engagement",
        "ratio",
        "E-mails opened against e-mails sent in the last 90 days",
        events.sum("email_open", days=90),
        events.sum("email_sent", days=90),
    ),
    _read("support_count_90d", "engagement", "events", "Support contacts and chats in the last 90 days", events.sum("support", days=90)),
    _read("referral_count", "engagement", "events", "Referrals sent so far", events.sum("referral")),
    _read("review_count", "engagement", "events", "Reviews written so far", events.sum("review")),
    _read("last_survey_score", "engagement", "score", "The last survey's answer, 0 to 10", events.last("survey_score")),
    _days_since("days_since_survey", "engagement", events.max("at_survey"), "the last survey answer"),
    _days_since("days_since_unsubscribe", "engagement", events.max("at_unsubscribe"), "the customer unsubscribed"),
)
CONTACTS: Final = (
    _days_since("days_since_contact", "contacts", contacts.max("at_contact"), "we last contacted the customer"),
    _days_since("days_since_answer", "contacts", contacts.max("at_answer"), "the customer last answered a contact"),
    *(_count("contact_count", contacts, "contact", d, "contacts", "Contacts") for d in (7, 30, 90)),
    _count("answer_count", contacts, "answer", 90, "answers", "Contacts answered"),
    _count("rejection_count", contacts, "rejection", 90, "answers", "Contacts rejected"),
    _ratio("contact_answer_ratio", "contacts", "ratio", "Answers against contacts so far", contacts.sum("answer"), contacts.sum("contact")),
    Feature(
        "unanswered_contact_count_30d",
        "contacts",
        "contacts",
        "Fatigue: contacts beyond answers in the last 30 days",
        lambda s, _: _unanswered(s),
    ),
)

FEATURES: Final[tuple[Feature, ...]] = (
    *RHYTHM,
    *FREQUENCY,
    *MONEY,
    *BASKET,
    *CATEGORY,
    *PRICE,
    *RETURNS,
    *CALENDAR,
    *CHANNEL,
    *ENGAGEMENT,
    *CONTACTS,
)
NAMES: Final[tuple[str, ...]] = tuple(f.name for f in FEATURES)
