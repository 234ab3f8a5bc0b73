"""The data contract: every table, its columns, their types and meaning. Column names live here and nowhere else.

Ids are strings. Instants are naive timestamps in UTC, with microseconds. Money is in the home's one currency.
Columns that the contract does not name are kept behind the named ones, as attributes.
"""

from dataclasses import dataclass
from typing import Final, Literal

CONTRACT_VERSION: Final = 1

CUSTOMER_ID: Final = "customer_id"
VISITOR_ID: Final = "visitor_id"
PRODUCT_ID: Final = "product_id"
ORDER_ID: Final = "order_id"
EVENT_ID: Final = "event_id"
DECISION_ID: Final = "decision_id"
ACTION_ID: Final = "action_id"
ORDERED_AT: Final = "ordered_at"
OCCURRED_AT: Final = "occurred_at"
DECIDED_AT: Final = "decided_at"
JOINED_AT: Final = "joined_at"
QUANTITY: Final = "quantity"
UNIT_PRICE: Final = "unit_price"
DISCOUNT_AMOUNT: Final = "discount_amount"
LINE_KIND: Final = "line_kind"
RETURNED_ORDER_ID: Final = "returned_order_id"
RETURNED_ORDER_DERIVED: Final = "returned_order_derived"
POSTED_LINE: Final = "posted_line"
EVENT_TYPE: Final = "event_type"
OUTCOME_TYPE: Final = "outcome_type"
CHANNEL: Final = "channel"
STORE_ID: Final = "store_id"
CURRENCY: Final = "currency"
VALUE: Final = "value"
STAGE: Final = "stage"
AS_OF: Final = "as_of"

SALE: Final = "sale"
RETURN: Final = "return"
FEE: Final = "fee"
ONE_ORDER_HOURS: Final = 24  # sale lines of an order this long after its first one have the first one's time

NO_ACTION: Final = "no_action"
CONTACT: Final = "contact"

Kind = Literal["text", "instant", "number", "flag", "json"]

EVENT_TYPES: Final = (
    "impression",
    "ad_click",
    "social_engaged",
    "content_viewed",
    "poll_answered",
    "page_view",
    "search",
    "product_view",
    "add_to_cart",
    "remove_from_cart",
    "checkout_started",
    "purchase",
    "signed_up",
    "newsletter_subscribed",
    "quote_requested",
    "chat_started",
    "email_sent",
    "email_opened",
    "email_clicked",
    "app_opened",
    "store_visit",
    "support_contact",
    "review",
    "survey_answered",
    "referral_sent",
    "unsubscribed",
    "identify",
)
OUTCOME_TYPES: Final = ("delivered", "viewed", "accepted", "rejected", "converted", "unsubscribed")
STAGES: Final = ("awareness", "consideration", "decision", "purchase", "retention", "advocacy")


@dataclass(frozen=True)
class Column:
    """One column: its name, kind, whether every row must have it, and what it means."""

    name: str
    kind: Kind
    required: bool
    meaning: str


@dataclass(frozen=True)
class Table:
    """One table: its name, the columns that identify a row, the instant of a row (if it has one), and its columns."""

    name: str
    key: tuple[str, ...]
    instant: str | None
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The contract's column names, in order."""
        return tuple(c.name for c in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there, and filled."""
        return tuple(c.name for c in self.columns if c.required)

    def column(self, name: str) -> Column:
        """The column of this name; KeyError if the contract names none."""
        return {c.name: c for c in self.columns}[name]


def _text(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "text", required, meaning)


def _instant(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "instant", required, meaning)


def _number(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "number", required, meaning)


ORDERS: Final = Table(
    "orders",
    key=(ORDER_ID,),
    instant=ORDERED_AT,
    columns=(
        _text(CUSTOMER_ID, "who bought", required=True),
        _text(ORDER_ID, "the order; made from customer and instant where the source has none", required=True),
        _text(PRODUCT_ID, "what was bought; empty where the source knows no products"),
        _instant(ORDERED_AT, "when the order was placed", required=True),
        _number(QUANTITY, "pieces, negative for a return; 1 where the source has none"),
        _number(UNIT_PRICE, "price of one piece before discount; zero is a purchase (gift, promotion)"),
        _number(DISCOUNT_AMOUNT, "discount on the whole line, positive; 0 where the source has none"),
        _text(CHANNEL, "where it was ordered: web, app, store, phone, ..."),
        _text(STORE_ID, "which store"),
        _text(CURRENCY, "the line's currency; must be the home's"),
        _text(LINE_KIND, "sale, return, or fee (postage, corrections: no product, never recommended); set by ingest", required=True),
        _text(RETURNED_ORDER_ID, "of a return: the order that it takes back from; derived where the source has none"),
        Column(RETURNED_ORDER_DERIVED, "flag", False, "true where ingest derived returned_order_id; set by ingest"),
        _number(POSTED_LINE, "which line of its order a posted line is; empty for lines of files; set by sync"),
    ),
)
PRODUCTS: Final = Table(
    "products",
    key=(PRODUCT_ID,),
    instant=None,
    columns=(
        _text(PRODUCT_ID, "the product", required=True),
        _text("name", "what a shopper calls it"),
        _text("category", "path, widest first: A > B > C"),
        _text("brand", "brand"),
        _number("list_price", "price without discount"),
        _number("unit_cost", "what one piece costs the shop"),
        Column("available", "flag", False, "may be recommended now; missing means yes"),
        _instant("available_from", "when it came, or comes, into the range"),
        _text("image_url", "picture"),
        Column("attributes", "json", False, "any further properties"),
    ),
)
CUSTOMERS: Final = Table(
    "customers",
    key=(CUSTOMER_ID,),
    instant=None,
    columns=(
        _text(CUSTOMER_ID, "the customer", required=True),
        _text("name", "full name, for messages"),
        _text("email", "address"),
        _text("phone", "number"),
        _text("locale", "language of messages: vi, en"),
        _text("city", "place"),
        _text("region", "place"),
        _text("country", "place"),
        _instant(JOINED_AT, "sign-up"),
    ),
)
EVENTS: Final = Table(
    "events",
    key=(EVENT_ID,),
    instant=OCCURRED_AT,
    columns=(
        _text(EVENT_ID, "the event", required=True),
        _text(CUSTOMER_ID, "who; or visitor_id"),
        _text(VISITOR_ID, "who, before they are known"),
        _text(EVENT_TYPE, "what happened, one of the contract's types", required=True),
        _instant(OCCURRED_AT, "when", required=True),
        _text(CHANNEL, "where"),
        _text(PRODUCT_ID, "about which product"),
        _number(VALUE, "amount or score (survey_answered: 0 to 10)"),
        _text(DECISION_ID, "which decision it answers"),
        Column("properties", "json", False, "any further properties"),
    ),
)
DECISIONS: Final = Table(
    "decisions",
    key=(DECISION_ID,),
    instant=DECIDED_AT,
    columns=(
        _text(DECISION_ID, "the decision", required=True),
        _text(CUSTOMER_ID, "for whom", required=True),
        _instant(DECIDED_AT, "when", required=True),
        _text(STAGE, "journey stage then"),
        _text(CHANNEL, "by which channel"),
        _text(ACTION_ID, "what was chosen", required=True),
        _number("action_probability", "with which probability it was chosen, above 0 up to 1", required=True),
        _text("policy_version", "which policy chose"),
        Column("holdout", "flag", False, "in a holdout group"),
        Column("candidates", "json", False, "list of {action_id, allowed, reasons, terms, probability}"),
        Column("features", "json", False, "what the policy saw"),
    ),
)
OUTCOMES: Final = Table(
    "outcomes",
    key=(EVENT_ID,),
    instant=OCCURRED_AT,
    columns=(
        _text(EVENT_ID, "the outcome", required=True),
        _text(DECISION_ID, "of which decision", required=True),
        _text(OUTCOME_TYPE, "delivered, viewed, accepted, rejected, converted or unsubscribed", required=True),
        _instant(OCCURRED_AT, "when", required=True),
        _number(VALUE, "money, for converted"),
    ),
)
TABLES: Final = {t.name: t for t in (ORDERS, PRODUCTS, CUSTOMERS, EVENTS, DECISIONS, OUTCOMES)}
