"""The tables of the state database: what is alive, beside the history in the home's Parquet files.

Contacts are the actions of decisions, one row each: what limits the next contact. Their subject is a customer or a visitor.
Published rows carry a generation: a publication writes a new generation beside the old one and marks it complete at the
end, so that a reader sees the old or the new one whole, never a mixture. Instants are naive timestamps in UTC.
"""

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, DateTime, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

REVISION: Final = "0006"
"""The newest migration: the schema that this code reads and writes."""

metadata = MetaData()

PUBLICATIONS: Final = Table(
    "publications",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("complete", Boolean, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("facts", JSON, nullable=False),
)
PUBLISHED_CUSTOMERS: Final = Table(
    "published_customers",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", String, primary_key=True),
    Column("profile", JSON, nullable=False),
    Column("consent", JSON, nullable=False),
    Column("contacts", JSON, nullable=False),
    Column("history", LargeBinary),
    Column("stage", String),
)
PUBLISHED_SCORES: Final = Table(
    "published_scores",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", String, primary_key=True),
    Column("churn_probability", Float, nullable=False),
    Column("horizon_days", Integer),
    Column("as_of", DateTime, nullable=False),
    Column("band", String),
    Column("percentile", Float),
    Column("percentile_in_stage", Float),
    Column("stage", String),
    Column("segment", String),
    Column("persona", String),
    Column("expected_orders", Float),
    Column("expected_spend", Float),
    Column("expected_next_order_on", Date),
    Column("expected_next_order_from", Date),
    Column("expected_next_order_until", Date),
    Column("average_days_between_orders", Float),
    Column("clv", Float),
    Column("historic_value", Float),
    Column("insufficient_data", Boolean, nullable=False),
    Column("why", Text),
    Column("reasons", JSON(none_as_null=True)),
    Column("model_version", String),
    *(
        Index(f"published_scores_by_{column}", "generation", column, "customer_id")
        for column in ("churn_probability", "clv", "expected_spend", "expected_next_order_on", "percentile")
    ),
)
"""Scores of the newest generations (`serving.state.publications.remove_others`): a list that is being paged through stays as it was.

`reasons` is a list of `training.reasons.Reason.to_json()`, or of sentences in English where an older version published them; null where
none were computed. A number that is not known is null.
"""
BAND_CHANGES: Final = Table(
    "band_changes",
    metadata,
    Column("change_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("from_band", String, nullable=False),
    Column("to_band", String, nullable=False),
    Column("from_probability", Float, nullable=False),
    Column("to_probability", Float, nullable=False),
    Column("stage", String),
    Column("model_version", String),
    Column("generation", BigInteger, nullable=False),
    Index("band_changes_by_time", "recorded_at", "change_id"),
    Index("band_changes_by_customer", "customer_id"),
    sqlite_autoincrement=True,
)
"""Who came into another risk band by a publication, and when that became visible; ids rise with time and are never used again."""
PUBLISHED_PRODUCTS: Final = Table(
    "published_products",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("product_id", String, primary_key=True),
    Column("name", Text),
    Column("category", Text),
    Column("available", Boolean, nullable=False),
    Column("available_from", DateTime),
    Column("list_price", Float),
    Column("image_url", Text),
    Column("attributes", JSON, nullable=False),
    Column("widest_category", Text),
    Column("price_level", Float),
)
PUBLISHED_VISITORS: Final = Table(
    "published_visitors",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("visitor_id", String, primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("identified_at", DateTime, nullable=False),
    Index("published_visitors_by_customer", "generation", "customer_id"),
)
"""Which customer each visitor of the home's history turned out to be, and when that was first said; posted events may know more."""
CUSTOMERS: Final = Table(
    "customers",
    metadata,
    Column("customer_id", String, primary_key=True),
    Column("profile", JSON, nullable=False),
    Column("consent", JSON, nullable=False),
    Column("updated_at", DateTime, nullable=False),
)
EVENTS: Final = Table(
    "events",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("customer_id", String),
    Column("visitor_id", String),
    Column("event_type", String, nullable=False),
    Column("occurred_at", DateTime, nullable=False),
    Column("channel", String),
    Column("product_id", String),
    Column("value", Float),
    Column("decision_id", String),
    Column("properties", JSON),
    Column("received_at", DateTime, nullable=False),
    Index("events_by_customer", "customer_id", "occurred_at"),
    Index("events_by_visitor", "visitor_id", "occurred_at"),
)
ORDER_LINES: Final = Table(
    "order_lines",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("customer_id", String, nullable=False),
    Column("product_id", String),
    Column("ordered_at", DateTime, nullable=False),
    Column("quantity", Float, nullable=False),
    Column("unit_price", Float, nullable=False),
    Column("discount_amount", Float, nullable=False),
    Column("channel", String),
    Column("store_id", String),
    Column("currency", String),
    Column("line_kind", String, nullable=False),
    Column("received_at", DateTime, nullable=False),
    Index("order_lines_by_customer", "customer_id", "ordered_at"),
)
DECISIONS: Final = Table(
    "decisions",
    metadata,
    Column("decision_id", String, primary_key=True),
    Column("customer_id", String),
    Column("visitor_id", String),
    Column("decided_at", DateTime, nullable=False),
    Column("stage", String, nullable=False),
    Column("channel", String),
    Column("action_id", String, nullable=False),
    Column("action_probability", Float, nullable=False),
    Column("policy_version", String, nullable=False),
    Column("holdout", Boolean, nullable=False),
    Column("request", JSON, nullable=False),
    Column("record", JSON, nullable=False),
    Column("digest", String),
    Index("decisions_by_customer", "customer_id", "decided_at"),
)
"""`digest` is of the whole row as it was recorded (`serving.decision_rows.digest_of`); NULL in rows of before there was one."""
CONTACTS: Final = Table(
    "contacts",
    metadata,
    Column("decision_id", String, primary_key=True),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("subject_id", String, nullable=False),
    Column("action_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("decided_at", DateTime, nullable=False),
    Index("contacts_by_subject", "subject_id", "decided_at"),
)
BUDGETS: Final = Table(
    "budgets",
    metadata,
    Column("action_id", String, primary_key=True),
    Column("period_start", DateTime, primary_key=True),
    Column("contacts", BigInteger, nullable=False),
    Column("money_millionths", BigInteger, nullable=False),
)
"""What an action took from its budget in one period. Money is whole millionths, so that sums are exact (`serving.state.budgets`)."""
POLICIES: Final = Table(
    "policies",
    metadata,
    Column("policy_version", String, primary_key=True),
    Column("record", JSON, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
)
"""Every policy that recorded a decision, whole and as plain data: what it decided can be made again after it was replaced."""
OUTCOMES: Final = Table(
    "outcomes",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("decision_id", String, nullable=False),
    Column("outcome_type", String, nullable=False),
    Column("occurred_at", DateTime, nullable=False),
    Column("value", Float),
    Column("received_at", DateTime, nullable=False),
    Index("outcomes_by_decision", "decision_id", "occurred_at"),
)
SYNCED: Final = Table(
    "synced",
    metadata,
    Column("kind", String, primary_key=True),
    Column("row_id", String, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("subject_id", String, nullable=False),
    Column("sync_id", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Posted rows that the home's tables hold: `kind` is the contract's table, `row_id` the event_id, order_id or decision_id, `line` that of an order, else 0.

They outlive the rows themselves, so that one which is posted again is still told to be a duplicate. `subject_id` is whose row it is (customer or
visitor); `sync_id` counts the runs of sync.
"""
API_KEYS: Final = Table(
    "api_keys",
    metadata,
    Column("key_id", String, primary_key=True),
    Column("secret_hash", String, nullable=False),
    Column("role", String, nullable=False),
    Column("created_at", DateTime, nullable=False),
)
