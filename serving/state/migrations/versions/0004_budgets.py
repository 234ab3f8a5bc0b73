"""What actions took from their budgets, the policies that decided, whom visitors turned out to be, and a digest of each decision."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("action_id", sa.String(), nullable=False),
        sa.Column("period_start", sa.DateTime(), nullable=False),
        sa.Column("contacts", sa.BigInteger(), nullable=False),
        sa.Column("money_millionths", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("action_id", "period_start"),
    )
    op.create_table(
        "policies",
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("policy_version"),
    )
    op.create_table(
        "published_visitors",
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("visitor_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("identified_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("generation", "visitor_id"),
    )
    op.create_index("published_visitors_by_customer", "published_visitors", ["generation", "customer_id"], unique=False)
    op.add_column("decisions", sa.Column("digest", sa.String(), nullable=True))
