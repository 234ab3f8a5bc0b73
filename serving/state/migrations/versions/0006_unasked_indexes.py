"""Nothing asks for rows in the order of their arrival, or for decisions by time alone: these indexes took a third of what storing a row costs."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("events", "order_lines", "outcomes"):
        op.drop_index(f"{table}_by_arrival", table_name=table)
    op.drop_index("decisions_by_time", table_name="decisions")
