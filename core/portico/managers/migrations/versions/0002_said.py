"""What messages are made of, so that they can be said in other languages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = (("labs", "said"), ("labs", "reason_said"), ("events", "said"))


def upgrade() -> None:
    """Add the columns; what was told before stays as it is, in English. No table is made anew: events would go with their labs."""
    for table, column in COLUMNS:
        op.add_column(table, sa.Column(column, sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop them."""
    for table, column in COLUMNS:
        op.drop_column(table, column)
