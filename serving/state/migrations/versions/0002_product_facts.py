"""What features know of a product: its widest category, and its place among the prices of that."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("published_products", sa.Column("widest_category", sa.Text(), nullable=True))
    op.add_column("published_products", sa.Column("price_level", sa.Float(), nullable=True))
