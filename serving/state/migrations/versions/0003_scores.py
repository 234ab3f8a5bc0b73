"""Scores in a table of their own, which lists sort and filter, and the changes of risk bands.

What older publications hold as JSON moves there; what they do not know stays empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BATCH = 2_000
_TEXTS = ("band", "segment", "persona", "why", "model_version")
_NUMBERS = (
    "percentile",
    "percentile_in_stage",
    "expected_orders",
    "expected_spend",
    "average_days_between_orders",
    "clv",
    "historic_value",
)
_DAYS = ("expected_next_order_on", "expected_next_order_from", "expected_next_order_until")
_SORTED = ("churn_probability", "clv", "expected_spend", "expected_next_order_on", "percentile")


def upgrade() -> None:
    scores = op.create_table(
        "published_scores",
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("churn_probability", sa.Float(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.DateTime(), nullable=False),
        sa.Column("band", sa.String(), nullable=True),
        sa.Column("percentile", sa.Float(), nullable=True),
        sa.Column("percentile_in_stage", sa.Float(), nullable=True),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("persona", sa.String(), nullable=True),
        sa.Column("expected_orders", sa.Float(), nullable=True),
        sa.Column("expected_spend", sa.Float(), nullable=True),
        *(sa.Column(name, sa.Date(), nullable=True) for name in _DAYS),
        sa.Column("average_days_between_orders", sa.Float(), nullable=True),
        sa.Column("clv", sa.Float(), nullable=True),
        sa.Column("historic_value", sa.Float(), nullable=True),
        sa.Column("insufficient_data", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("reasons", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("model_version", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("generation", "customer_id"),
    )
    _move_scores(scores)
    for column in _SORTED:
        op.create_index(f"published_scores_by_{column}", "published_scores", ["generation", column, "customer_id"], unique=False)
    op.drop_column("published_customers", "scores")
    op.create_table(
        "band_changes",
        sa.Column("change_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("as_of", sa.DateTime(), nullable=False),
        sa.Column("from_band", sa.String(), nullable=False),
        sa.Column("to_band", sa.String(), nullable=False),
        sa.Column("from_probability", sa.Float(), nullable=False),
        sa.Column("to_probability", sa.Float(), nullable=False),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("model_version", sa.String(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("change_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("band_changes_by_time", "band_changes", ["recorded_at", "change_id"], unique=False)
    op.create_index("band_changes_by_customer", "band_changes", ["customer_id"], unique=False)


def _move_scores(scores: sa.Table) -> None:
    """Copies batch by batch: a shop's scores need not fit into memory."""
    connection = op.get_bind()
    last = (-1, "")
    while found := connection.execute(_OLD, {"generation": last[0], "customer_id": last[1], "most": _BATCH}).fetchall():
        last = (found[-1].generation, found[-1].customer_id)
        if rows := list(_rows(found)):
            connection.execute(sa.insert(scores), rows)


def _rows(found: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for row in found:
        values: Mapping[str, Any] | None = row.scores
        if values and values.get("churn_probability") is not None:
            yield _row(row, values)


def _row(row: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: values.get(name) for name in _TEXTS}
    numbers = {name: values.get(name) for name in _NUMBERS}
    days = {name: datetime.fromisoformat(values[name]).date() if values.get(name) else None for name in _DAYS}
    return {
        "generation": row.generation,
        "customer_id": row.customer_id,
        "churn_probability": values["churn_probability"],
        "horizon_days": values.get("horizon_days"),
        "as_of": datetime.fromisoformat(values.get("as_of") or row.facts.get("as_of") or row.as_of.isoformat()),
        "stage": row.stage or values.get("stage"),
        "insufficient_data": bool(values.get("insufficient_data")),
        "reasons": values.get("reasons") or None,
        **texts,
        **numbers,
        **days,
    }


_OLD = sa.text(
    "SELECT c.generation, c.customer_id, c.scores, c.stage, p.as_of, p.facts"
    " FROM published_customers c JOIN publications p ON p.generation = c.generation"
    " WHERE c.generation > :generation OR (c.generation = :generation AND c.customer_id > :customer_id)"
    " ORDER BY c.generation, c.customer_id LIMIT :most"
).columns(scores=sa.JSON(), facts=sa.JSON(), as_of=sa.DateTime())
