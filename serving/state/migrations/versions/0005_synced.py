"""Which posted rows the home's history holds."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "synced",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("row_id", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "row_id", "line"),
        sqlite_with_rowid=False,
    )
